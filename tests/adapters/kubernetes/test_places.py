"""Which nodes a pod may use, and which it would rather have."""

from __future__ import annotations

from typing import Any

import pytest
from hal.adapters.kubernetes.convert import job_of, node_of
from hal.adapters.kubernetes.nodes import Nodes
from hal.adapters.kubernetes.places import NAME, World, matches
from hypothesis import given
from hypothesis import strategies as st

import hal
from tests.adapters.kubernetes.objects import held, job, node, pod


def test_selector_affinity_and_tolerations() -> None:
    term = {
        "matchExpressions": [
            {"key": "disk", "operator": "In", "values": ["ssd"]},
            {"key": "old", "operator": "DoesNotExist"},
        ],
        "matchFields": [{"key": "metadata.name", "operator": "NotIn", "values": ["n7"]}],
    }
    must = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    spec = {
        "nodeSelector": {"zone": "a"},
        "affinity": {"nodeAffinity": must},
        "tolerations": [{"operator": "Exists"}, {"key": "gpu", "value": "y", "effect": "NoSchedule"}],
        "priority": 7,
    }
    made = job(pod(spec))
    assert list(made.selector) == [
        hal.Selector("zone", "In", ["a"]),
        hal.Selector("disk", "In", ["ssd"]),
        hal.Selector("old", "DoesNotExist"),
        hal.Selector(NAME, "NotIn", ["n7"]),
    ]
    assert list(made.tolerations) == [
        hal.Toleration("", "Exists"),
        hal.Toleration("gpu", value="y", effect="NoSchedule"),
    ]
    assert made.priority == 7


def _either(*terms: dict[str, Any]) -> dict[str, Any]:
    must = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": list(terms)}}
    return {"affinity": {"nodeAffinity": must}}


def test_alternatives_become_nodes() -> None:
    def has(key: str, *values: str) -> dict[str, Any]:
        return {"matchExpressions": [{"key": key, "operator": "In", "values": list(values)}]}

    same = job(pod(_either(has("zone", "a"), has("zone", "b", "c"))))
    assert list(same.selector) == [hal.Selector("zone", "In", ["a", "b", "c"])]
    mixed = pod(_either(has("zone", "a"), has("disk", "ssd")))
    assert "2 alternatives" in held(mixed)
    world = World(nodes={"x": {"zone": "a"}, "y": {"disk": "hdd"}, "z": {"disk": "ssd"}})
    assert list(job(mixed, world).selector) == [hal.Selector(NAME, "In", ["x", "z"])]
    nowhere = job(mixed, World(nodes={"y": {}}))
    made, _ = node_of(node())
    assert not hal.place(hal.Cluster([made]), [nowhere])[0].placed


TAGS = st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from(["1", "2", "3", "x"]))
KEYS = st.sampled_from("ab")
ONES = st.one_of(
    st.builds(hal.Selector, KEYS, st.sampled_from(["In", "NotIn"]), st.lists(st.sampled_from("12x"), min_size=1)),
    st.builds(hal.Selector, KEYS, st.sampled_from(["Exists", "DoesNotExist"])),
    st.builds(hal.Selector, KEYS, st.sampled_from(["Gt", "Lt"]), st.sampled_from([["1"], ["2"]])),
)  # fmt: skip


@given(TAGS, ONES)
def test_requirements_hold_here_as_in_the_core(tags: dict[str, str], one: hal.Selector) -> None:
    placed = hal.place(hal.Cluster([hal.Node("n", cpus=1, labels=tags)]), [hal.Job("j", selector=[one])])
    assert placed[0].placed == matches(one, tags)


def test_wishes_about_nodes_are_wishes() -> None:
    first = {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]}
    second = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]}
    items = [{"weight": 80, "preference": first}, {"weight": 5, "preference": second}]
    wishes = {"preferredDuringSchedulingIgnoredDuringExecution": [*items, {"weight": 1, "preference": {}}]}
    made, dropped = job_of(pod({"affinity": {"nodeAffinity": wishes}}))
    assert made is not None
    assert dropped == ()
    assert list(made.rules) == [
        hal.Prefer({"disk": "ssd"}, weight=0.8),
        hal.Prefer({NAME: "n1"}, weight=0.05),
    ]


@pytest.mark.parametrize(
    ("toleration", "tolerated"),
    [
        ({"key": "busy", "value": "x"}, True),
        ({"key": "busy", "operator": "Exists", "effect": "PreferNoSchedule"}, True),
        ({"operator": "Exists"}, True),
        ({"key": "busy", "value": "y"}, False),
        ({"key": "busy", "operator": "Exists", "effect": "NoSchedule"}, False),
    ],
)
def test_nodes_that_would_rather_not_are_avoided(toleration: dict[str, str], tolerated: bool) -> None:
    calm, busy = node("calm"), node("busy")
    busy["spec"]["taints"] = [{"key": "busy", "value": "x", "effect": "PreferNoSchedule"}]
    nodes = Nodes(())
    for thing in (busy, calm):
        nodes.take(thing, False)
    world = World(nodes=nodes.tags, avoided=nodes.avoided)
    where = [
        hal.place(hal.Cluster(nodes), job(pod({"tolerations": given}), world))[0].nodes
        for given in ([], [toleration])
    ]
    assert where == [("calm",), ("busy",) if tolerated else ("calm",)]
    assert nodes.take(calm, True).taints is False
    assert nodes.take(busy, True).taints is True
    assert job(pod(), World(avoided=nodes.avoided)).rules == ()
