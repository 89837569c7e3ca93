import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.topology import Topology, from_slurm
from tests.gangs import gang_twin as twin


def check(problem, running=(), effort=4e6):
    """Sound, and equal to the twin when it says so."""
    topology, roles, demand, free, required, preferred = problem
    feasible, exact, level, total, placed = twin.solved(*problem, running, effort)
    wanted = twin.best(*problem, running)
    if not feasible:
        assert wanted is None or effort == 0
        return
    assert twin.broken(topology, roles, demand, free, required, placed, running) is None
    everyone = [*running, *(node for nodes in placed for node in nodes)]
    assert level == twin.spread(topology, everyone)
    assert total == twin.distance(topology, everyone)
    reached = next(
        k for k in range(preferred, -1, -1) if len({twin.cell(topology, n, k) for n in everyone}) == 1
    )
    if exact:
        assert (-reached, total) == wanted
    else:
        assert effort == 0
        assert (-reached, total) >= wanted


@given(twin.gangs())
def test_exact_answers_equal_every_way_tried(problem):
    check(problem)


@given(twin.gangs(max_roles=1, max_nodes=6))
def test_greedy_answers_are_sound_and_complete_for_one_role(problem):
    check(problem, effort=0)
    assert twin.solved(*problem, effort=0)[0] == twin.solved(*problem)[0]


@given(twin.gangs(max_roles=3))
def test_roles_placed_one_by_one_are_sound(problem):
    check(problem, effort=0)


@given(twin.gangs(max_tasks=3), st.data())
def test_growing_stays_near_what_runs(problem, data):
    running = data.draw(st.lists(st.integers(0, len(problem[0]) - 1), max_size=3))
    check(problem, running)


def test_ranks_follow_the_tree_and_slices_stay_together():
    lines = [f"SwitchName=l{i} Nodes=n[{4 * i}-{4 * i + 3}]" for i in range(4)]
    topology = from_slurm("\n".join([*lines, "SwitchName=s Switches=l[0-3]"]))
    free = np.array([[3, 0, 3, 0] + [1] * 4 + [2, 2, 2, 0] + [5, 0, 0, 0]]).T
    feasible, exact, _, _, placed = twin.solved(topology, [(12, 4, 1)], [[1]], free, 0, 2)
    assert feasible
    assert exact
    assert [node // 4 for node in placed[0]] == sorted(node // 4 for node in placed[0])
    assert [len({node // 4 for node in placed[0][i : i + 4]}) for i in (0, 4, 8)] == [1, 1, 1]


@pytest.mark.parametrize(
    ("roles", "required", "preferred"),
    [([], 0, 1), ([(0, 1, 0)], 0, 1), ([(3, 2, 0)], 0, 1), ([(1, 1, 9)], 0, 1), ([(1, 1, 0)], 2, 1)],
)
def test_bad_problems_are_refused(roles, required, preferred):
    topology = Topology(["a"], [("d", "a", None)], {"n": "d"})
    with pytest.raises(ValueError, match="gang"):
        twin.solved(topology, roles, np.ones((len(roles), 1)), [[1]], required, preferred)
