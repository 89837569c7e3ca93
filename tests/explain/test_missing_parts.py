"""The smallest change for gangs that must share a domain, and for GPU instances."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

import hal
from hal.topology import Topology
from tests.partitions.partition_twin import TABLES, Device, placements
from tests.partitions.test_partitions import device

TREE = Topology(
    ["site", "rack"],
    [("s", "site", None), ("r0", "rack", "s"), ("r1", "rack", "s")],
    {f"n{k}": f"r{k // 2}" for k in range(4)},
)
RACKS = {"r0": ["n0", "n1"], "r1": ["n2", "n3"]}


@st.composite
def racks(draw: st.DrawFn) -> hal.Cluster:
    sizes = st.sampled_from([2, 4, 7])
    nodes = [
        hal.Node(f"n{k}", cpus=draw(sizes), gpus=hal.gpus(draw(st.integers(0, 3)), "T4")) for k in range(4)
    ]
    cluster = hal.Cluster(nodes, topology=TREE)
    for k in range(draw(st.integers(0, 5))):
        job = hal.Job(f"j{k}", cpus=draw(st.integers(1, 3)), gpus=draw(st.integers(0, 1)))
        hal.place(cluster, job, "spread", apply=True)
    return cluster


def room(cluster: hal.Cluster, rack: str, job: hal.Job) -> int:
    """Tasks of the gang that a rack holds, task after task."""
    trial = cluster.fork()
    for name in set(trial.node_names()) - set(RACKS[rack]):
        trial.update(replace(trial.node(name), schedulable=False))
    count = 0
    while hal.place(trial, hal.Job(f"t{count}", cpus=job.cpus, gpus=job.gpus), apply=True)[0].placed:
        count += 1
    return count


@given(racks(), st.integers(1, 3), st.integers(0, 2), st.integers(2, 5))
def test_the_change_makes_room_for_one_more_task_of_a_gang(
    cluster: hal.Cluster, cpus: int, gpus: int, tasks: int
) -> None:
    job = hal.Job("gang", tasks=tasks, cpus=cpus, gpus=gpus, gang=hal.Gang(required="rack"))
    change = hal.explain(cluster, job).change
    rooms = {rack: room(cluster, rack, job) for rack in RACKS}
    if max(rooms.values()) >= tasks:
        assert change is None
        return
    assert change is not None
    assert change.tasks == max(rooms.values())
    if not change.domain:
        assert not change.node
        return
    assert rooms[change.domain] == change.tasks
    assert change.node in RACKS[change.domain]
    if change.of_capacity or "gpu" in change.resources:
        return  # no device joins a busy node
    node = cluster.node(change.node)
    cluster.update(replace(node, cpus=node.cpus + change.resources.get("cpu", 0) / 1000))
    assert room(cluster, change.domain, job) > change.tasks


def test_a_gang_is_told_where_what_is_missing() -> None:
    cluster = hal.Cluster(
        [hal.Node(f"n{k}", cpus=8, gpus=hal.gpus(4, "A100")) for k in range(4)], topology=TREE
    )
    hal.place(cluster, [hal.Job(f"x{k}", cpus=1, gpus=2) for k in range(4)], "spread", apply=True)
    told = hal.explain(cluster, hal.Job("g", tasks=3, cpus=1, gpus=2, gang=hal.Gang(required="rack")))
    assert told.missing == (
        "room for 1 of 3 tasks of 'g' in one domain of level 'rack': 2 of 3 tasks find room in r0; "
        "the next one needs 2 GPUs on n0"
    )
    assert told.change is not None
    assert (told.change.domain, told.change.node, dict(told.change.resources)) == ("r0", "n0", {"gpu": 2})


@given(
    st.sampled_from(sorted(TABLES)),
    st.integers(1, 2),
    st.lists(st.integers(0, 5), max_size=8),
    st.integers(0, 5),
)
def test_an_instance_is_told_how_many_slices_stand_in_its_way(
    table: str, count: int, before: list[int], wanted: int
) -> None:
    profiles = sorted(TABLES[table])
    cluster = hal.Cluster([hal.Node("n", cpus=64, gpus=[device(table)] * count)])
    held = [Device(table) for _ in range(count)]
    for k, choice in enumerate(before):
        job = hal.Job(f"j{k}", cpus=1, gpu_profile=profiles[choice])
        placed = hal.place(cluster, job, apply=True)[0]
        if placed.placed:
            held[placed.gpus[0][0]].instances[job.name] = (profiles[choice], placed.slices[0])
    profile = profiles[wanted]
    size, starts = TABLES[table][profile]
    change = hal.explain(cluster, hal.Job("new", cpus=1, gpu_profile=profile)).change
    fewest = min(len(d.taken & set(range(start, start + size))) for d in held for start in starts)
    if any(placements(table, profile, d.taken) for d in held):
        assert change is None
    else:
        assert change is not None
        assert dict(change.resources) == {"gpu slice": fewest}
