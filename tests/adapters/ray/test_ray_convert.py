"""Ray's nodes, options and bundles in hal's model: total, and nothing dropped in silence."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hal.adapters import Running
from hal.adapters.ray import convert
from hal.adapters.ray.bundles import gang, in_rank_order
from hypothesis import given
from hypothesis import strategies as st

import hal

#: As `ray.nodes()` of Ray 2.60 answers, without its ports and sockets.
ROW: dict[str, Any] = {
    "NodeID": "cdcc705a20c3de7819567751e6c0e5aaf831ad396b8f5c4fe32cb55c",
    "Alive": True,
    "NodeManagerAddress": "127.0.0.1",
    "NodeName": "127.0.0.1",
    "Resources": {
        "GPU": 2.0,
        "node:127.0.0.1": 1.0,
        "object_store_memory": 104857600.0,
        "accelerator_type:A100": 1.0,
        "CPU": 4.0,
        "memory": 24269086720.0,
        "disk": 3.0,
    },
    "Labels": {"zone": "a", "ray.io/node-id": "cdcc705a20c3de7819567751e6c0e5aaf831ad396b8f5c4fe32cb55c"},
}
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def test_a_node_has_what_ray_says() -> None:
    found = convert.nodes([ROW, {**ROW, "NodeID": "98bea93bba0b", "Alive": False}])
    (node,) = found.models
    assert node.name == "127.0.0.1-cdcc705a20c3"
    assert found.ids == {node.name: ROW["NodeID"]}
    assert (node.cpus, node.memory, [gpu.model for gpu in node.gpus]) == (4, 23144, ["A100", "A100"])
    assert dict(node.resources) == {"node:127.0.0.1": 10_000, "disk": 30_000}
    assert node.labels["zone"] == "a"
    assert node.labels["ray.io/accelerator-type"] == "A100"
    assert node.schedulable
    assert not found.dropped
    assert not convert.nodes([ROW], {node.name}).models[0].schedulable


def test_what_cannot_be_said_is_listed() -> None:
    row = {
        **ROW,
        "Resources": {"CPU": 8, "GPU": 65.0, "tape": math.nan, "disk": "many"},
        "Labels": {"zone": None},
    }
    found = convert.nodes([row, {**ROW, "NodeName": "bad\nname", "NodeID": "ab"}, row])
    assert len(found.models[0].gpus) == 64
    assert [(item.field, item.effect) for item in found.dropped] == [
        ("Resources[tape]", "ignored"),
        ("Resources[disk]", "ignored"),
        ("Labels[zone]", "ignored"),
        ("Resources[GPU]", "ignored"),
        ("description", "unschedulable"),
        ("description", "unschedulable"),
    ]


@given(
    st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(ROW, json_values)), max_size=3) | json_values
)
def test_nodes_of_any_json(rows: Any) -> None:
    if isinstance(rows, list):
        rows = [{**row, "Alive": True} if isinstance(row, dict) else row for row in rows]
    try:
        found = convert.nodes(rows)
    except hal.AdapterError:
        return
    assert len(found.models) == len(found.ids)
    assert len(found.models) + sum(item.field == "description" for item in found.dropped) == len(rows)


OPTIONS = (
    "num_cpus", "num_gpus", "memory", "resources", "accelerator_type", "label_selector", "scheduling_strategy",
    "placement_group", "fallback_strategy",
)  # fmt: skip


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(OPTIONS, json_values)))
def test_options_of_any_json(options: dict[str, Any]) -> None:
    try:
        job = convert.job("j", options)
    except hal.InvalidModel:
        return
    assert all(amount >= 0 for amount in convert.held(job).values())


@given(
    st.lists(st.dictionaries(st.text(max_size=6), json_values, max_size=3), max_size=4), st.text(max_size=12)
)
def test_bundles_of_any_json(bundles: list[Any], strategy: str) -> None:
    for form in (strategy, "PACK", "SPREAD", "STRICT_PACK", "STRICT_SPREAD"):
        try:
            job = gang("g", bundles, strategy=form)
        except hal.InvalidModel:
            continue
        roles = [] if job.gang is None else job.gang.roles
        assert sum(role.tasks for role in (job, *roles)) == (1 if form == "STRICT_PACK" else len(bundles))


def test_unequal_bundles_are_roles() -> None:
    bundles = [{"CPU": 1}, {"GPU": 2, "CPU": 1}, {"CPU": 1, "GPU": 0}, {"GPU": 2, "CPU": 1}, {"disk": 0.5}]
    job = gang("g", bundles, label_selector={"zone": "a"}, strategy="STRICT_SPREAD", priority=3)
    assert job.gang is not None
    roles = [job, *job.gang.roles]
    assert [(role.name, role.tasks, role.cpu_milli, role.gpus) for role in roles] == [
        ("g", 2, 1000, 0), ("g/1", 2, 1000, 2), ("g/2", 1, 0, 0),
    ]  # fmt: skip
    assert all(len(role.selector) == 1 for role in roles)
    assert in_rank_order(bundles) == [0, 2, 1, 3, 4]
    cluster = hal.Cluster(
        hal.Node(f"n{i}", cpus=1, gpus=hal.gpus(2, "T4"), resources={"disk": 10_000}, labels={"zone": "a"})
        for i in range(5)
    )
    (placement,) = hal.place(cluster, [job])
    assert len(set(placement.nodes)) == 5
    running = Running(job, placement.nodes, placement.gpus, placement.roles)
    assert [convert.held(asked) for asked in convert.each(running)] == [
        {"CPU": 1000}, {"CPU": 1000}, {"CPU": 1000, "GPU": 2000}, {"CPU": 1000, "GPU": 2000}, {"disk": 5000},
    ]  # fmt: skip
    whole = gang("g", bundles, strategy="STRICT_PACK")
    assert (whole.gang, whole.cpu_milli, whole.gpus, dict(whole.resources)) == (None, 4000, 4, {"disk": 5000})
    with pytest.raises(hal.InvalidModel, match="of 9 kinds; at most 8"):
        gang("g", [{"CPU": count} for count in range(1, 10)])


def test_what_is_asked_for() -> None:
    job = convert.job(
        "train",
        {
            "num_cpus": 0.5, "num_gpus": 2, "memory": 3 * 2**30 + 1, "accelerator_type": "A100",
            "resources": {"disk": 0.1}, "max_retries": 3, "scheduling_strategy": "DEFAULT",
            "label_selector": {"zone": "in(a, b)", "region": "eu", "spot": "!true", "rack": "!in(1,2)"},
        },
    )  # fmt: skip
    assert (job.cpu_milli, job.gpus, job.memory_mib, list(job.gpu_models)) == (500, 2, 3073, ["A100"])
    assert dict(job.resources) == {"disk": 1000}
    assert [(s.key, s.op, list(s.values)) for s in job.selector if isinstance(s, hal.Selector)] == [
        ("zone", "In", ["a", "b"]),
        ("region", "In", ["eu"]),
        ("spot", "NotIn", ["true"]),
        ("rack", "NotIn", ["1", "2"]),
    ]
    assert convert.job("plain", {}).cpu_milli == 1000
    (kind,) = convert.job("cpu", {"accelerator_type": "T4"}).selector
    assert isinstance(kind, hal.Selector)
    assert kind.key == "ray.io/accelerator-type"


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"num_cpus": -1}, "CPU"),
        ({"num_cpus": "many"}, "CPU"),
        ({"num_gpus": 1.5}, "num_gpus"),
        ({"memory": math.inf}, "memory"),
        ({"resources": ["disk"]}, "resources"),
        ({"label_selector": {"zone": 1}}, "label_selector"),
        ({"scheduling_strategy": "SPREAD"}, "scheduling_strategy"),
        ({"placement_group": object()}, "placement_group"),
    ],
)
def test_wrong_options_name_their_field(options: dict[str, Any], field: str) -> None:
    with pytest.raises(hal.InvalidModel, match=field):
        convert.job("j", options)


@given(
    st.integers(0, 4).flatmap(
        lambda count: st.tuples(st.just(count), st.lists(st.integers(0, 1000), max_size=count))
    ),
    st.integers(0, 4000),
)
def test_what_others_hold_fits_beside_what_hal_placed(devices: tuple[int, list[int]], taken: int) -> None:
    count, mine = devices
    node = hal.Node("n", cpus=8, memory=1024, gpus=hal.gpus(count, "T4"), resources={"disk": 10})
    room = sum(1000 - share for share in mine + [0] * (count - len(mine)))
    taken = min(taken, room)
    cluster = hal.Cluster([node])
    for index, share in enumerate(mine):
        if share:
            cluster.bind(hal.Job(f"mine{index}", gpus=share / 1000), ["n"], gpus=[[index]])
    found = convert.others(node, {"CPU": 1500, "memory": 7, "disk": 3, "GPU": taken}, dict(enumerate(mine)))
    for running in found:
        cluster.bind(running.job, running.nodes, gpus=running.gpus)
    assert int(cluster.columns.gpu_total_free[0]) == room - taken
    assert int(cluster.columns.free_cpu[0]) == 6500


def test_used_is_a_difference() -> None:
    total, free = ROW["Resources"], {"CPU": 2.5, "memory": 24269086720.0, "node:127.0.0.1": 1.0, "disk": 1.0}
    assert convert.used(total, free) == {"CPU": 1500, "GPU": 2000, "disk": 20_000}
    assert convert.used(None, {}) == {}
