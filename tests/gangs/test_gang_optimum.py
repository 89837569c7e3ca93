import pytest

from hal import gangs
from hal.cli.gang_optimum import cells, instances, optimum
from hal.topology import from_slurm


def compare(count, seed):
    """Relative gaps to the optimum; every answer must exist exactly when one does."""
    gaps = []
    for k, made in enumerate(instances(count, seed=seed)):
        best = optimum(made)
        answer = gangs.solve(
            made.topology,
            made.tasks,
            made.demand,
            made.free,
            required=made.required,
            preferred=made.preferred,
            slices=made.slices,
        )
        assert answer.feasible == (best is not None), f"instance {k} of seed {seed}"
        if best is not None:
            assert answer.distance >= best[1]
            gaps.append((answer.distance - best[1]) / max(best[1], 1))
    return gaps


def test_a_few_small_gangs_reach_the_optimum():
    pytest.importorskip("ortools")
    assert compare(4, seed=3)


@pytest.mark.slow
def test_500_small_gangs_are_within_one_percent():
    pytest.importorskip("ortools")
    gaps = compare(500, seed=7)
    assert len(gaps) > 250
    assert sum(gaps) / len(gaps) <= 0.01


def test_cells_of_an_uneven_tree():
    topology = from_slurm(
        "SwitchName=t Switches=m,c\nSwitchName=m Switches=a,b\nSwitchName=a Nodes=n0\nSwitchName=b Nodes=n1\n"
        "SwitchName=c Nodes=n[2-3]"
    )
    assert sorted(cells(topology, 0)) == [[0, 1, 2, 3]]
    assert sorted(cells(topology, 1)) == [[0, 1], [2, 3]]
    assert sorted(cells(topology, 2)) == [[0], [1], [2, 3]]
    assert sorted(cells(topology, 3)) == [[0], [1], [2], [3]]
