from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hal
from tests.gangs.test_gang_place import racks

sizes = st.tuples(st.integers(1, 4), st.integers(0, 3), st.integers(0, 2))


@given(st.lists(sizes, min_size=1, max_size=4), st.integers(0, 3))
def test_binding_a_placement_books_what_placing_did(sizes: list[tuple[int, int, int]], spare: int) -> None:
    placed, bound = racks([3, 2], gpus=2), racks([3, 2], gpus=2)
    first, *others = (
        hal.Job(f"r{i}", tasks=tasks, cpus=cpus, gpus=gpus, gang=hal.Gang(min_tasks=max(1, tasks - spare)))
        for i, (tasks, cpus, gpus) in enumerate(sizes)
    )
    assert first.gang is not None
    gang = hal.Gang(min_tasks=first.gang.min_tasks, roles=others)
    job = hal.Job("r0", tasks=first.tasks, cpus=first.cpus, gpus=first.gpus, gang=gang, labels={"app": "a"})
    (placement,) = hal.place(placed, job, apply=True)
    if not placement.placed:
        return
    bound.bind(job, placement.nodes, gpus=placement.gpus, roles=placement.roles)
    assert bound.digest() == placed.digest()
    least = [first.gang.min_tasks, *(role.gang.min_tasks for role in others if role.gang)]
    assert bound.resize("r0", least)
    assert placed.resize("r0", least)
    assert bound.digest() == placed.digest()
    bound.release("r0")
    assert bound.digest() == racks([3, 2], gpus=2).digest()


def test_roles_that_are_whole_need_not_be_named() -> None:
    cluster = racks([3])
    job = hal.Job("d", cpus=3, gang=hal.Gang(roles=[hal.Job("w", tasks=2, cpus=1)]))
    cluster.bind(job, ["r0n0", "r0n0", "r0n1"])
    assert cluster.columns.free_cpu.tolist() == [0, 3000, 4000]
    assert cluster.remove("r0n1", evict=True) == ["d"]
    assert cluster.jobs() == []  # half of its workers would not do


@pytest.mark.parametrize(
    ("nodes", "roles", "culprit"),
    [
        (["r0n0"], (), "give the role of each of the 1 tasks"),
        (["r0n0"], ("driver",), "'driver' is the name of no role"),
        (["r0n0", "r0n1"], ("w", "d"), "comes after a later one"),
        (["r0n0"], ("d", "w"), "2 roles for 1 tasks"),
        (["r0n0", "r0n0", "r0n0"], ("d", "w", "w"), "does not fit on node 'r0n0'"),
        (["r0n0", "nowhere"], ("d", "w"), "nowhere"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_changes(
    nodes: list[str], roles: tuple[str, ...], culprit: str
) -> None:
    cluster = racks([3])
    before = cluster.digest()
    job = hal.Job("d", cpus=3, gang=hal.Gang(roles=[hal.Job("w", tasks=2, cpus=1)]))
    with pytest.raises(hal.InvalidModel, match=culprit):
        cluster.bind(job, nodes, roles=roles)
    with pytest.raises(hal.InvalidModel, match="is no gang"):
        cluster.bind(hal.Job("plain", cpus=1), ["r0n0"], roles=["plain"])
    assert cluster.digest() == before
