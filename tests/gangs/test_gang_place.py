import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hal
from hal.topology import Topology, from_slurm
from tests.gangs import gang_twin as twin


def racks(widths, cpus=4, gpus=0):
    """A cluster of racks of so many nodes under one spine, and its topology."""
    names = [[f"r{i}n{k}" for k in range(width)] for i, width in enumerate(widths)]
    lines = [f"SwitchName=r{i} Nodes={','.join(nodes)}" for i, nodes in enumerate(names)]
    topology = from_slurm("\n".join([*lines, f"SwitchName=s Switches=r[0-{len(widths) - 1}]"]))
    nodes = [hal.Node(n, cpus=cpus, gpus=hal.gpus(gpus, "A100")) for rack in names for n in rack]
    return hal.Cluster(nodes, topology=topology)


def place(cluster, job, **options):
    return hal.place(cluster, job, **options)[0]


def test_narrowest_domain_then_tightest():
    cluster = racks([4, 2, 3])
    assert set(place(cluster, hal.Job("j", tasks=8, cpus=1, gang=hal.Gang())).nodes) == {"r1n0", "r1n1"}
    assert len(set(place(cluster, hal.Job("j", tasks=4, cpus=1, gang=hal.Gang())).nodes)) == 1


def test_required_level_unschedulable_and_infeasible():
    cluster = racks([2, 3])
    one_rack = hal.Gang(required="switch0")
    assert place(cluster, hal.Job("j", tasks=12, cpus=1, gang=one_rack)).placed
    assert place(cluster, hal.Job("j", tasks=13, cpus=1, gang=one_rack)).status is hal.Status.INFEASIBLE
    hal.place(cluster, hal.Job("filler", cpus=4, selector=()), apply=True)
    hal.place(cluster, hal.Job("filler2", tasks=2, cpus=4, gang=one_rack), apply=True)
    before = cluster.digest()
    assert place(cluster, hal.Job("j", tasks=12, cpus=1, gang=one_rack)).status is hal.Status.UNSCHEDULABLE
    assert cluster.digest() == before


def test_the_explanation_counts_what_is_missing():
    cluster = racks([2, 3])
    gang = hal.Gang(required="switch0", roles=[hal.Job("w", tasks=4, cpus=3)])
    told = hal.explain(cluster, hal.Job("j", tasks=14, cpus=1, gang=gang))
    assert (
        told.missing
        == "room for 2 of 14 tasks of 'j', 4 of 4 tasks of 'w' in one domain of level 'switch0': "
        "12 of 14 tasks of 'j' and 0 of 4 tasks of 'w' find room in r1; the next 'j' needs 1 CPU on r1n0; "
        "the 6 without room need 14 CPUs together (r1 holds 12 when empty)"
    )
    told = hal.explain(cluster, hal.Job("j", tasks=21, cpus=1, gang=hal.Gang()))
    assert (
        told.missing
        == "20 of 21 tasks find room; the next one needs 1 CPU on r0n0 (the empty cluster holds 20)"
    )


def test_slices_keep_consecutive_ranks_together():
    cluster = racks([3, 3, 3], cpus=3)
    job = hal.Job("j", tasks=24, cpus=1, gang=hal.Gang(slice=4, slice_level="switch0"))
    nodes = place(cluster, job).nodes
    assert [len({node[:2] for node in nodes[i : i + 4]}) for i in range(0, 24, 4)] == [1] * 6
    on_a_node = hal.Job("j", tasks=4, cpus=1, gang=hal.Gang(slice=2))
    assert [len(set(place(cluster, on_a_node).nodes[i : i + 2])) for i in (0, 2)] == [1, 1]


def test_roles_have_their_own_requests_and_devices():
    cluster = racks([2, 2], cpus=8, gpus=2)
    workers = hal.Job("worker", tasks=3, cpus=1, gpus=1)
    shares = hal.Job("share", tasks=2, gpus=0.5)
    job = hal.Job("driver", cpus=4, gang=hal.Gang(required="switch0", roles=[workers, shares]))
    placement = place(cluster, job, apply=True)
    assert placement.placed
    assert len(placement.nodes) == 6
    assert [len(devices) for devices in placement.gpus] == [0, 1, 1, 1, 1, 1]
    whole = {(n, g) for n, (g,) in zip(placement.nodes[1:4], placement.gpus[1:4], strict=True)}
    shared = {(n, g) for n, (g,) in zip(placement.nodes[4:], placement.gpus[4:], strict=True)}
    assert len(whole) == 3
    assert not whole & shared
    cluster.release("driver")
    assert cluster.columns.free_cpu.tolist() == [8000] * 4


def test_elastic_takes_what_there_is():
    cluster = racks([2, 3])
    job = hal.Job("j", tasks=40, cpus=1, gang=hal.Gang(min_tasks=5, required="switch0"))
    assert len(place(cluster, job).nodes) == 12
    roles = hal.Gang(roles=[hal.Job("w", tasks=30, cpus=2, gang=hal.Gang(min_tasks=1))])
    assert len(place(cluster, hal.Job("j", tasks=2, cpus=4, gang=roles)).nodes) == 2 + 6


def test_resize_shrinks_to_the_nearest_and_grows_beside_them():
    cluster = racks([2, 3], cpus=2)
    gang = hal.Gang(min_tasks=1)
    hal.place(cluster, hal.Job("j", tasks=10, cpus=1, gang=gang), apply=True)
    assert cluster.resize("j", 4)
    free = cluster.columns.free_cpu
    assert sum(free[:2]) + sum(free[2:]) == 6000
    assert sum(free[:2]) in (0, 4000)
    assert cluster.resize("j", 7)
    assert sum(cluster.columns.free_cpu) == 3000
    with pytest.raises(hal.InvalidModel, match="role 0 to 11 tasks"):
        cluster.resize("j", 11)
    before = cluster.digest()
    hal.place(cluster, hal.Job("k", tasks=3, cpus=1), apply=True)
    assert not cluster.resize("j", 8)
    cluster.release("k")
    assert cluster.digest() == before
    cluster.release("j")
    assert sum(cluster.columns.free_cpu) == 10000


def test_plain_jobs_and_clusters_without_a_tree_can_be_resized():
    cluster = hal.Cluster([hal.Node(f"n{i}", cpus=2) for i in range(3)])
    hal.place(cluster, [hal.Job("j", tasks=2, cpus=1)], apply=True)
    assert cluster.resize("j", 5)
    assert cluster.resize("j", 1)
    assert not cluster.resize("j", 7)
    assert sum(cluster.columns.free_cpu) == 5000


def test_without_a_topology_roles_follow_the_policy():
    cluster = hal.Cluster([hal.Node(f"n{i}", cpus=4) for i in range(3)])
    job = hal.Job("d", cpus=2, gang=hal.Gang(roles=[hal.Job("w", tasks=5, cpus=2)]))
    assert place(cluster, job).placed
    too_many = hal.Job("d", cpus=2, gang=hal.Gang(roles=[hal.Job("w", tasks=6, cpus=2)]))
    assert place(cluster, too_many).status is hal.Status.UNSCHEDULABLE
    with pytest.raises(hal.InvalidModel, match="level 'rack' on a cluster without a topology"):
        place(cluster, hal.Job("j", gang=hal.Gang(required="rack")))


def test_apply_later_equals_apply_now():
    now, later = racks([3, 2], gpus=2), racks([3, 2], gpus=2)
    jobs = [
        hal.Job("a", tasks=3, gpus=1, gang=hal.Gang(roles=[hal.Job("w", tasks=2, cpus=1)])),
        hal.Job("b", cpus=1),
        hal.Job("c", tasks=2, cpus=2, gang=hal.Gang()),
    ]
    hal.place(now, jobs, apply=True)
    later.apply(hal.place(later, jobs))
    assert now.digest() == later.digest()
    assert later.resize("a", [3, 2])
    with pytest.raises(hal.InvalidModel, match="1 counts for 2 roles"):
        later.resize("a", 3)


def test_nodes_that_come_later_are_hung_into_the_tree():
    topology = Topology(["a", "b"], [("s", "a", None), ("r", "b", "s")], {"n0": "r", "n1": "r"})
    cluster = hal.Cluster([hal.Node("n0", cpus=1), hal.Node("stranger", cpus=9)], topology=topology)
    job = hal.Job("j", tasks=2, cpus=1, gang=hal.Gang())
    assert place(cluster, job).status is hal.Status.INFEASIBLE
    with cluster.what_if() as trial:
        trial.add(hal.Node("n1", cpus=1))
        assert place(trial, job).nodes == ("n0", "n1")
    assert place(cluster, job).status is hal.Status.INFEASIBLE
    cluster.add(hal.Node("n1", cpus=1))
    assert place(cluster, job).placed
    cluster.set_topology(None)
    assert place(cluster, job).placed


@pytest.mark.parametrize(
    ("gang", "culprit"),
    [
        (lambda: hal.Gang(min_tasks=5), "min_tasks: 5"),
        (lambda: hal.Gang(slice=3), "slice: 3 does not divide"),
        (lambda: hal.Gang(slice=0), "slice"),
        (lambda: hal.Gang(roles=[hal.Job(f"r{i}") for i in range(32)]), "33 roles"),
        (lambda: hal.Gang(roles=["w"]), "give a list of hal.Job"),
        (lambda: hal.Gang(roles=[hal.Job("w", gang=hal.Gang(required="rack"))]), "belong to the gang"),
        (lambda: hal.Gang(required=""), "required"),
    ],
)
def test_bad_gangs_name_the_field(gang, culprit):
    with pytest.raises(hal.InvalidModel, match=culprit):
        hal.Job("j", tasks=4, gang=gang())


@pytest.mark.parametrize(
    ("gang", "culprit"),
    [
        ({"required": "switch9"}, "unknown level 'switch9'; the topology has switch1, switch0"),
        ({"required": "switch0", "preferred": "switch1"}, "'switch1' is above the required 'switch0'"),
    ],
)
def test_bad_levels_are_refused_and_nothing_changes(gang, culprit):
    cluster = racks([2])
    before = cluster.digest()
    with pytest.raises(hal.InvalidModel, match=culprit):
        hal.place(cluster, [hal.Job("a", cpus=1), hal.Job("j", gang=hal.Gang(**gang))], apply=True)
    assert cluster.digest() == before


@given(twin.gangs(max_nodes=5, max_tasks=4))
def test_the_engine_places_what_the_twin_does(problem):
    topology, roles, demand, free, required, preferred = problem
    names = [level.name for level in topology.levels] + [None]
    cluster = hal.Cluster(
        [hal.Node(n, cpus=int(f[0]), memory=int(f[1])) for n, f in zip(topology.nodes, free, strict=True)],
        topology=topology,
    )

    def job(r, **extra):
        tasks, size, level = roles[r]
        gang = hal.Gang(slice=size, slice_level=names[level], **extra)
        return hal.Job(f"role{r}", tasks=tasks, cpus=int(demand[r][0]), memory=int(demand[r][1]), gang=gang)

    # A required level of one node has no name: the narrowest that has one stands for it.
    required = min(required, len(names) - 2)
    levels = {"required": names[required], "preferred": names[max(preferred, required)]}
    whole = job(0, roles=[job(r) for r in range(1, len(roles))], **levels)
    placement = place(cluster, whole)
    wanted = twin.best(topology, roles, demand, free, required, max(preferred, required))
    assert placement.placed == (wanted is not None)
    if placement.placed:
        at = [topology.index(node) for node in placement.nodes]
        bounds = np.cumsum([0, *(tasks for tasks, _, _ in roles)])
        placed = [at[a:b] for a, b in itertools.pairwise(bounds)]
        assert twin.broken(topology, roles, demand, free, required, placed) is None
        assert twin.distance(topology, at) == wanted[1]


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 6)), max_size=8), st.integers(0, 2**32 - 1))
def test_resizing_at_random_never_loses_or_leaks(steps, seed):
    rng = np.random.default_rng(seed)
    cluster = racks([2, 3, 1], cpus=3)
    empty = cluster.digest()
    gang = hal.Gang(min_tasks=1, roles=[hal.Job("w", tasks=6, cpus=1, gang=hal.Gang(min_tasks=1))])
    hal.place(cluster, hal.Job("d", tasks=4, cpus=2, gang=gang), apply=True)
    other = hal.Job("o", tasks=int(rng.integers(1, 4)), cpus=1, gang=hal.Gang())
    taken = hal.place(cluster, other, apply=True)[0]
    for drivers, workers in steps:
        before = cluster.digest()
        if cluster.resize("d", [drivers, workers]):
            used = 18_000 - sum(cluster.columns.free_cpu)
            assert used == 2000 * drivers + 1000 * workers + 1000 * len(taken.nodes)
        else:
            assert cluster.digest() == before
        assert (cluster.columns.free_cpu >= 0).all()
    cluster.release("d")
    if taken.placed:
        cluster.release("o")
    assert cluster.digest() == empty
