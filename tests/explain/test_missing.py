from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import hal

REQUESTS = [
    {"cpus": 2, "memory": 512},
    {"cpus": 6, "memory": 3072, "gpus": 1},
    {"cpus": 1, "memory": 256, "gpus": 3},
    {"cpus": 1, "memory": 256, "gpu_share": 0.6},
    {"cpus": 9, "memory": 8192, "gpus": 2},
    {"cpus": 1, "resources": {"licence": 2}},
]


@st.composite
def clusters(draw: st.DrawFn) -> tuple[hal.Cluster, dict[str, dict[str, Any]]]:
    nodes = [
        hal.Node(
            f"n{i}",
            cpus=draw(st.sampled_from([4, 8])),
            memory=draw(st.sampled_from([2048, 4096])),
            gpus=hal.gpus(draw(st.integers(0, 3)), "T4"),
            resources={"licence": draw(st.integers(0, 2))},
            taints=[hal.Taint("kept")] * draw(st.booleans()),
        )
        for i in range(draw(st.integers(1, 4)))
    ]
    cluster = hal.Cluster(nodes)
    requests = {f"j{i}": draw(st.sampled_from(REQUESTS)) for i in range(draw(st.integers(0, 8)))}
    for name, request in requests.items():
        hal.place(cluster, hal.Job(name, **request), "spread", apply=True)
    return cluster, requests


def lacking(cluster: hal.Cluster, index: int, job: hal.Job) -> dict[str, int]:
    """What one node lacks for one task, from the public columns."""
    columns = cluster.columns
    begin, count = int(columns.gpu_begin[index]), int(columns.gpu_count[index])
    free = columns.gpu_free[begin : begin + count]
    wanted = {
        "cpu": job.cpu_milli - int(columns.free_cpu[index]),
        "memory": job.memory_mib - int(columns.free_memory[index]),
    }
    for name, amount in job.resources.items():
        wanted[name] = int(amount) - int(columns.free(name)[index])
    if job.gpus:
        wanted["gpu"] = int(job.gpus) - int((free >= job.gpu_milli).sum())
    return {name: amount for name, amount in wanted.items() if amount > 0}


@settings(max_examples=100, deadline=None)
@given(clusters(), st.sampled_from(REQUESTS))
def test_the_change_makes_the_job_fit_and_no_node_needs_fewer_resources(
    scene: tuple[hal.Cluster, dict[str, dict[str, Any]]], request: dict[str, Any]
) -> None:
    cluster, requests = scene
    job = hal.Job("new", **request)
    told = hal.explain(cluster, job)
    if told.status is hal.Status.PLACED:
        assert told.change is None
        assert not told.missing
        return
    change = told.change
    assert change is not None
    assert told.missing == str(change) != ""
    open_nodes = [i for i, node in enumerate(cluster.nodes()) if not node.taints]
    if told.status is hal.Status.UNSCHEDULABLE:
        assert len(change.resources) == min(len(lacking(cluster, i, job)) for i in open_nodes)
        assert change.resources == lacking(cluster, cluster.node_names().index(change.node), job)
    if not change.node:
        assert not open_nodes
        return
    node = cluster.node(change.node)
    if change.of_capacity:
        for name in cluster.jobs():
            cluster.release(name)
    more = dict(change.resources)
    bigger = replace(
        node,
        cpus=node.cpus + more.pop("cpu", 0) / 1000,
        memory=node.memory + more.pop("memory", 0),
        gpus=(*node.gpus, *hal.gpus(more.pop("gpu", 0), "T4")),
        resources={
            name: int(node.resources.get(name, 0)) + more.get(name, 0) for name in {*node.resources, *more}
        },
    )
    if len(bigger.gpus) != len(
        node.gpus
    ):  # no device joins a busy node: what runs there enters the books again
        index = cluster.node_names().index(node.name)
        held = {name: cluster._core.job_tasks(name)[0] for name in cluster.jobs()}
        here = {name: mask for name, (where, mask) in held.items() if where == index}
        shapes = {name: hal.Job(name, **requests[name])._handle.shape for name in here}
        cluster.release(list(here))
        cluster.update(bigger)
        for name, mask in here.items():
            cluster._core.bind(name, shapes[name], [(node.name, mask)], 0)
    else:
        cluster.update(bigger)
    assert hal.place(cluster, job)[0].placed


def test_a_filter_that_keeps_nodes_with_room_is_named() -> None:
    cluster = hal.Cluster(
        [hal.Node("small", cpus=2), *(hal.Node(f"n{i}", cpus=8, taints=[hal.Taint("lab")]) for i in range(3))]
    )
    told = hal.explain(cluster, hal.Job("new", cpus=4))
    assert told.missing == (
        "2 CPUs on small (even when it is empty), or passing 'untolerated taint 'lab'', which keeps it from 3 nodes "
        "with room"
    )


def test_a_gang_says_how_many_tasks_have_room() -> None:
    cluster = hal.Cluster([hal.Node(f"n{i}", cpus=8, gpus=hal.gpus(4, "A100")) for i in (1, 2)])
    hal.place(cluster, hal.Job("a", cpus=1, gpus=3), apply=True)
    told = hal.explain(cluster, hal.Job("gang", tasks=3, cpus=1, gpus=2))
    assert told.missing == "2 of 3 tasks find room; the next one needs 1 GPU on n1"
    told = hal.explain(cluster, hal.Job("gang", tasks=6, cpus=1, gpus=2))
    assert (
        told.missing
        == "2 of 6 tasks find room; the next one needs 1 GPU on n1; the 4 without room need 7 GPUs "
        "together (the empty cluster holds 4)"
    )


def test_victims_that_would_help_are_named() -> None:
    cluster = hal.Cluster([hal.Node("n", cpus=8)])
    hal.place(cluster, [hal.Job("low", cpus=4), hal.Job("high", cpus=4, priority=9)], apply=True)
    assert hal.explain(cluster, hal.Job("new", cpus=4)).preemption == ""
    assert (
        hal.explain(cluster, hal.Job("new", cpus=4, priority=1)).preemption
        == "stopping low would make room (1 job of lower priority runs)"
    )
    assert (
        hal.explain(cluster, hal.Job("new", cpus=8, priority=1)).preemption
        == "stopping the only job of lower priority does not make room"
    )
