"""What is missing for gangs of several roles and for slices: it makes room for all of their tasks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

import hal
from hal.topology import Topology

TREE = Topology(
    ["site", "rack"],
    [("s", "site", None), ("r0", "rack", "s"), ("r1", "rack", "s")],
    {f"n{k}": f"r{k // 2}" for k in range(4)},
)
RACKS = {"r0": ["n0", "n1"], "r1": ["n2", "n3"]}
Free = dict[str, tuple[int, int]]  # node → milli-CPU, licences


@st.composite
def clusters(draw: st.DrawFn, *, tree: bool) -> hal.Cluster:
    nodes = [
        hal.Node(f"n{k}", cpus=draw(st.integers(1, 6)), resources={"licence": draw(st.integers(0, 2))})
        for k in range(4)
    ]
    cluster = hal.Cluster(nodes, topology=TREE if tree else None)
    for k in range(draw(st.integers(0, 3))):
        hal.place(cluster, hal.Job(f"j{k}", cpus=draw(st.integers(1, 3))), "spread", apply=True)
    return cluster


ROLE = st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(0, 1))  # tasks, cpus, licences


def gang(roles: list[tuple[int, int, int]], required: str | None) -> hal.Job:
    first, *others = (
        hal.Job(f"role{k}", tasks=tasks, cpus=cpus, resources={"licence": licences})
        for k, (tasks, cpus, licences) in enumerate(roles)
    )
    return replace(first, gang=hal.Gang(required=required, roles=others))


def free_of(cluster: hal.Cluster) -> Free:
    columns = cluster.columns
    rows = zip(columns.free_cpu.tolist(), columns.free("licence").tolist(), strict=True)
    return dict(zip(cluster.node_names(), rows, strict=True))


def spots(names: list[str], free: Free, tasks: list[tuple[int, int]]) -> Iterator[tuple[str, ...]]:
    """Every way to put tasks (milli-CPU, licences) on these nodes."""
    for where in product(names, repeat=len(tasks)):
        used: Counter[tuple[str, int]] = Counter()
        for node, task in zip(where, tasks, strict=True):
            used.update({(node, resource): amount for resource, amount in enumerate(task)})
        if all(free[node][resource] >= amount for (node, resource), amount in used.items()):
            yield where


def fits(free: Free, roles: list[tuple[int, int, int]], racks: list[list[str]]) -> bool:
    tasks = [(1000 * cpus, licences) for count, cpus, licences in roles for _ in range(count)]
    return any(next(spots(names, free, tasks), None) is not None for names in racks)


@settings(max_examples=60, deadline=None)
@given(
    st.booleans().flatmap(lambda tree: st.tuples(clusters(tree=tree), st.just(tree))),
    st.lists(ROLE, min_size=1, max_size=3).filter(lambda roles: sum(role[0] for role in roles) < 6),
    st.booleans(),
)
def test_with_what_is_missing_there_is_room_for_every_role(
    scene: tuple[hal.Cluster, bool], roles: list[tuple[int, int, int]], together: bool
) -> None:
    cluster, tree = scene
    required = "rack" if tree and together else None
    told = hal.explain(cluster, gang(roles, required))
    racks = list(RACKS.values()) if required else [sorted(cluster.node_names())]
    change, free = told.change, free_of(cluster)
    if change is None:
        assert fits(free, roles, racks)
        return
    names = [f"role{k}" for k in range(len(roles))]
    assert list(change.found) == names
    # What is said to find room does, all of it at once.
    inside = [RACKS[change.domain]] if change.domain else racks
    assert fits(
        free, [(change.found[name], *role[1:]) for name, role in zip(names, roles, strict=True)], inside
    )
    short = {name: role[0] - change.found[name] for name, role in zip(names, roles, strict=True)}
    assert dict(change.level_tasks) == {name: count for name, count in short.items() if count}
    if not change.level_tasks:
        return
    assert change.role == next(iter(change.level_tasks))
    assert bool(required) == bool(change.domain)
    assert set(change.together) <= {name for rack in inside for name in rack}
    more = {
        name: (
            free[name][0] + change.together.get(name, {}).get("cpu", 0),
            free[name][1] + change.together.get(name, {}).get("licence", 0),
        )
        for name in free
    }
    assert fits(more, roles, inside)


@settings(max_examples=60, deadline=None)
@given(
    clusters(tree=True),
    st.integers(1, 3),
    st.integers(0, 1),
    st.integers(2, 3),
    st.integers(1, 2),
    st.sampled_from(["rack", None]),
)
def test_with_what_is_missing_there_is_room_for_every_slice(
    cluster: hal.Cluster, cpus: int, licences: int, each: int, slices: int, level: str | None
) -> None:
    job = hal.Job(
        "g",
        tasks=each * slices,
        cpus=cpus,
        resources={"licence": licences},
        gang=hal.Gang(slice=each, slice_level=level),
    )
    change = hal.explain(cluster, job).change
    if change is None:
        return
    assert change.level_tasks, "a gang of one role that has room is placed"
    for name, amounts in change.together.items():
        node = cluster.node(name)
        cluster.update(
            replace(
                node,
                cpus=node.cpus + amounts.get("cpu", 0) / 1000,
                resources={"licence": int(node.resources.get("licence", 0)) + amounts.get("licence", 0)},
            )
        )
    assert hal.place(cluster, job)[0].placed


def test_the_second_role_is_named_with_its_domain() -> None:
    cluster = hal.Cluster(
        [hal.Node(f"n{k}", cpus=8, gpus=hal.gpus(4, "A100")) for k in range(4)], topology=TREE
    )
    hal.place(cluster, [hal.Job(f"x{k}", cpus=1, gpus=1) for k in range(4)], "spread", apply=True)
    workers = hal.Job("worker", tasks=4, cpus=1, gpus=2)
    driver = hal.Job("driver", cpus=2, gang=hal.Gang(required="rack", roles=[workers]))
    told = hal.explain(cluster, driver)
    assert told.status is hal.Status.UNSCHEDULABLE
    assert told.missing == (
        "room for 2 of 4 tasks of 'worker' in one domain of level 'rack': 1 of 1 tasks of 'driver' and 2 of 4 tasks "
        "of 'worker' find room in r0; the next 'worker' needs 1 GPU on n0; the 2 without room need 2 GPUs together"
    )
    assert told.change is not None
    assert (told.change.role, told.change.tasks, told.change.of) == ("worker", 2, 4)
    assert told.change.together == {"n0": {"gpu": 1}, "n1": {"gpu": 1}}
    assert told.change.total == {"gpu": 2}


def test_roles_of_one_name_are_told_apart() -> None:
    cluster = hal.Cluster([hal.Node("n", cpus=4)])
    roles = [hal.Job("w", tasks=2, cpus=1), hal.Job("w", tasks=3, cpus=2)]
    change = hal.explain(cluster, hal.Job("driver", gang=hal.Gang(roles=roles))).change
    assert change is not None
    assert change.found == {"driver": 1, "w": 2, "w#2": 1}
    assert change.role == "w#2"
