from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hal.adapters.nomad.constraints import affinities_of
from hal.adapters.nomad.convert import group_job, node_model
from hal.adapters.nomad.devices import met, of_nodes
from hal.adapters.nomad.fields import Unsaid
from hypothesis import given
from hypothesis import strategies as st

import hal
from tests.adapters.nomad.objects import job, node

DEVICE: dict[str, Any] = {
    "Vendor": "nvidia", "Type": "gpu", "Name": "a100",
    "Attributes": {
        "memory": {"Int": 40960, "Unit": "MiB"}, "graphics_clock": {"Int": 1410, "Unit": "MHz"},
        "driver": {"String": "535.1.2"}, "ecc": {"Bool": True}, "load": {"Float": 0.5},
        "odd": {"Int": 3, "Unit": "parsec"},
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("target", "operand", "wanted", "holds"),
    [
        ("${device.attr.memory}", ">=", "40 GiB", True),
        ("${device.attr.memory}", ">", "40 GiB", False),
        ("${device.attr.memory}", "=", "40960 MiB", True),
        ("${device.attr.memory}", "<", "43 GB", True),  # 42.95 GB
        ("${device.attr.memory}", ">", "1 GHz", False),  # no memory
        ("${device.attr.memory}", "!=", "1 GHz", False),  # what cannot be compared meets nothing
        ("${device.attr.memory}", ">", "many", False),
        ("${device.attr.graphics_clock}", ">=", "1.4 GHz", True),
        ("${device.attr.ecc}", "=", "true", True),
        ("${device.attr.load}", "<=", "0.5", True),
        ("${device.attr.odd}", "=", "3", False),
        ("${device.attr.none}", "is_not_set", "", True),
        ("${device.attr.none}", "!=", "1", True),  # as Nomad has it: nothing is not 1
        ("${device.attr.none}", ">", "1", False),
        ("${device.attr.driver}", "version", ">= 535, < 536", True),
        ("${device.attr.driver}", "regexp", "^535", True),
        ("${device.model}", "=", "a100", True),
        ("${device.model}", "set_contains_any", "t4,a100", True),
        ("${device.vendor}", "!=", "amd", True),
        ("${device.type}", "is", "gpu", True),
    ],
)
def test_is_met_as_nomad_means_it(target: str, operand: str, wanted: str, holds: bool) -> None:
    assert met(DEVICE, {"LTarget": target, "Operand": operand, "RTarget": wanted}) == holds


@given(
    st.sampled_from(
        ["${device.model}", "${device.attr.memory}", "${device.attr.x}", "${node.class}", "1 GiB", ""]
    ),
    st.sampled_from(
        ["=", "!=", "<", ">=", "is_set", "regexp", "version", "set_contains", "distinct_hosts", "?"]
    ),
    st.text(max_size=12) | st.from_regex(r"-?[0-9]{1,4} ?(MiB|GB|GHz|W|x)?", fullmatch=True),
)
def test_any_constraint_is_met_or_not_or_unsaid(target: str, operand: str, wanted: str) -> None:
    with contextlib.suppress(Unsaid):
        assert met(DEVICE, {"LTarget": target, "Operand": operand, "RTarget": wanted}) in (True, False)


@given(
    st.integers(1, 10**6),
    st.integers(1, 10**6),
    st.sampled_from(["K", "M", "G", "T"]),
    st.sampled_from(["K", "M"]),
)
def test_units_of_memory_are_compared_in_bytes(a: int, b: int, one: str, other: str) -> None:
    size = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
    device = {"Attributes": {"m": {"Int": a, "Unit": f"{one}iB"}}}
    for operand, holds in (
        ("<", a * size[one] < b * size[other]),
        (">=", a * size[one] >= b * size[other]),
        ("=", a * size[one] == b * size[other]),
    ):
        row = {"LTarget": "${device.attr.m}", "Operand": operand, "RTarget": f"{b} {other}iB"}
        assert met(device, row) == holds


def with_memory(name: str, mib: int, model: str = "a100") -> dict[str, Any]:
    made = node(f"{name}0000-0000-4000-8000-000000000001", name, gpus=2)
    (device,) = made["NodeResources"]["Devices"]
    device["Name"], device["Attributes"] = model, {"memory": {"Int": mib, "Unit": "MiB"}}
    return made


def converted(raw: dict[str, Any], nodes: list[dict[str, Any]]) -> tuple[hal.Cluster, hal.Job, list[Any]]:
    dropped: list[Any] = []
    models = [node_model(row, dropped) for row in nodes]

    def known(label: str) -> list[str]:
        return [model.labels[label] for model in models if label in model.labels]

    made = group_job(raw, raw["TaskGroups"][0], "j.main", dropped, known, lambda: of_nodes(nodes))
    return hal.Cluster(models), made, dropped


def test_devices_are_chosen_by_their_attributes() -> None:
    nodes = [with_memory("aaaa", 16384), with_memory("bbbb", 81920), with_memory("cccc", 24576, "l4")]
    raw = job("j", gpus=2)
    (device,) = raw["TaskGroups"][0]["Tasks"][0]["Resources"]["Devices"]

    def place(**more: Any) -> tuple[str, ...]:
        device.update({"Constraints": None, "Affinities": None} | more)
        cluster, made, dropped = converted(raw, nodes)
        assert not dropped
        return hal.place(cluster, made, "first_fit")[0].nodes

    def row(operand: str, wanted: str, **more: Any) -> dict[str, Any]:
        return {"LTarget": "${device.attr.memory}", "Operand": operand, "RTarget": wanted, **more}

    assert place(Constraints=[row(">", "30 GiB")]) == ("bbbb-bbbb0000",)
    assert place(Constraints=[row(">", "20 GiB"), row("<", "30 GiB")]) == ("cccc-cccc0000",)
    assert place(Constraints=[row(">", "99 GiB")]) == ()
    assert place(Affinities=[row(">", "20 GiB", Weight=50), row(">", "30 GiB", Weight=-20)]) == (
        "cccc-cccc0000",
    )
    assert len(of_nodes([*nodes, {"NodeResources": 3}])) == 3
    device["Constraints"] = [row("distinct_hosts", "1")]
    with pytest.raises(Unsaid):
        converted(raw, [])
    device.update(
        {"Constraints": None, "Affinities": [{"LTarget": "${node.class}", "Operand": "=", "RTarget": "x"}]}
    )
    assert [item.field for item in converted(raw, [])[2]] == ["Affinities"]


def test_wishes_are_weighed_against_each_other() -> None:
    rows = [
        {"LTarget": "${meta.rack}", "Operand": "=", "RTarget": "ra", "Weight": 30},
        {"LTarget": "${attr.cpu.arch}", "Operand": "is_set", "Weight": -10},
        {"LTarget": "${meta.rack}", "Operand": "!=", "RTarget": "rb"},  # of 50, where none is given
        {"LTarget": "${env.X}", "Operand": "=", "RTarget": "rb", "Weight": 100},
    ]
    found, unsaid = affinities_of([{"Affinities": rows[:2]}, {"Affinities": rows[2:]}, {}], lambda _: ())
    assert [(w.nodes[0].op, w.weight) for w in found if isinstance(w.nodes, tuple)] == [
        ("In", 30 / 90), ("DoesNotExist", 10 / 90), ("NotIn", 50 / 90),
    ]  # fmt: skip
    assert unsaid == ["${env.X} = rb"]


@pytest.mark.parametrize(
    ("target", "most", "count", "alone"),
    [
        ("${meta.rack}", "3", 3, False),  # no more of them than each rack may have
        ("${meta.rack}", "2", 3, None),
        ("${meta.rack}", "1", 3, None),  # two nodes share a rack
        ("${node.unique.id}", "1", 3, True),
        ("${attr.unique.hostname}", "", 3, True),
        ("${node.unique.id}", "2", 3, None),
        ("${meta.rack}", "0", 1, None),
        ("rack", "1", 1, None),
    ],
)
def test_a_distinct_property_is_said_where_it_can_be(
    target: str, most: str, count: int, alone: bool | None
) -> None:
    rows = [{"LTarget": target, "Operand": "distinct_property", "RTarget": most}]
    nodes = [with_memory("aaaa", 1), with_memory("abbb", 1), with_memory("cccc", 1)]
    raw = job("j", count=count)
    raw["TaskGroups"][0]["Constraints"] = rows
    if alone is None:
        with pytest.raises(Unsaid, match="Constraints"):
            converted(raw, nodes)
        return
    cluster, made, _ = converted(raw, nodes)
    (placement,) = hal.place(cluster, made, "best_fit")
    assert len(set(placement.nodes)) == (3 if alone else 1)
    raw["Constraints"], raw["TaskGroups"][0]["Constraints"] = rows, None
    raw["TaskGroups"].append({**raw["TaskGroups"][0], "Name": "other"})
    with pytest.raises(Unsaid):  # of the whole job: its groups count together
        converted(raw, nodes)
