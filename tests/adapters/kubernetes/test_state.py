"""What an API server says, spoilt in one place: a typed error or an answer, never another exception."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from typing import Any

from hal.adapters.kubernetes.kinds import (
    BUDGETS,
    CAPACITIES,
    CLAIMS,
    CLASSES,
    DEVICES,
    DRIVERS,
    GROUPS,
    NODES,
    PODS,
    RESOURCES,
    SLICES,
    VOLUMES,
)
from hal.adapters.kubernetes.state import State
from hypothesis import example, given, settings
from hypothesis import strategies as st

import hal
from tests.adapters.kubernetes.test_devices import allocated, claim, kind, published
from tests.adapters.kubernetes.test_devices import pod as using


def thing(name: str, spec: Any = None, status: Any = None, **meta: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "d", "uid": name, "labels": {}, "annotations": {}, **meta},
        "spec": spec or {},
        "status": status or {},
    }


def pod(name: str, **more: Any) -> dict[str, Any]:
    spec = {"schedulerName": "hal", "containers": [{"resources": {"requests": {"cpu": "1"}}}], "priority": 1}
    return thing(name, {**spec, **more.pop("spec", {})}, {"phase": "Pending"}, **more)


GANG = {"scheduling.x-k8s.io/pod-group": "g"}
NEAR = {"kueue.x-k8s.io/podset-slice-size": "1", "kueue.x-k8s.io/podset-preferred-topology": "zone"}
CLAIM = {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]}
TERM = {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}
THINGS: list[tuple[str, dict[str, Any]]] = [
    (NODES, thing("n", {"taints": []}, {"allocatable": {"cpu": "8", "pods": "9"}}, labels={"zone": "a"})),
    (PODS, pod("single", spec={"affinity": {"nodeAffinity": {}}})),
    (PODS, pod("runs", spec={"nodeName": "n"}, labels=GANG)),
    (PODS, pod("w-1", labels=GANG, annotations=NEAR)),
    (PODS, pod("w-2", labels=GANG, annotations=NEAR)),
    (PODS, pod("claims", spec=CLAIM)),
    (CLAIMS, thing("c", {"storageClassName": "late", "volumeName": "v"})),
    (VOLUMES, thing("v", {"nodeAffinity": {"required": {"nodeSelectorTerms": [TERM]}}})),
    (CLASSES, {**thing("late"), "volumeBindingMode": "WaitForFirstConsumer", "provisioner": "x"}),
    (PODS, pod("stores", spec={"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "new"}}]})),
    (CLAIMS, thing("new", {"storageClassName": "late", "resources": {"requests": {"storage": "1Gi"}}})),
    (DRIVERS, thing("x", {"storageCapacity": True})),
    (
        CAPACITIES,
        {
            **thing("room"),
            "storageClassName": "late",
            "capacity": "2Gi",
            "nodeTopology": {"matchLabels": {"zone": "a"}, "matchExpressions": []},
        },
    ),
    (GROUPS, thing("g", {"minMember": 2})),
    (BUDGETS, thing("b", {"minAvailable": 1})),
    (SLICES, published("v1", "n", "A100", "A100")),
    (DEVICES, kind()),
    (RESOURCES, allocated(claim("v1", "used"), "n", "has", "gpu-1")),
    (RESOURCES, claim("v1", "free")),
    (PODS, using("has", "used", node="n")),
    (PODS, using("asks", "free")),
]


def places(thing: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    for key in thing if isinstance(thing, dict) else range(len(thing)) if isinstance(thing, list) else ():
        yield from places(thing[key], (*path, key))


PLACES = [(number, path) for number, (_, one) in enumerate(THINGS) for path in places(one)]
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(-1, 2**70), st.floats(), st.text(max_size=4), st.just("0"),
    st.just([]), st.just({}), st.just([None]), st.just({"a": None}), st.just([{"a": 1}]),
)  # fmt: skip


def spoilt(number: int, path: tuple[Any, ...], value: Any) -> list[tuple[str, Any]]:
    told: list[tuple[str, Any]] = copy.deepcopy(THINGS)
    if not path:
        told[number] = told[number][0], value
        return told
    at = told[number][1]
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return told


@settings(max_examples=200)
@given(st.sampled_from(PLACES), ODD)
@example((3, ("metadata", "annotations", "kueue.x-k8s.io/podset-slice-size")), "0")
def test_any_value_in_any_field_is_read_or_a_typed_error(
    where: tuple[int, tuple[Any, ...]], value: Any
) -> None:
    told = spoilt(*where, value)
    for watched in (False, True):
        state = State(lambda pod: pod["spec"].get("schedulerName", "hal") == "hal")
        with contextlib.suppress(hal.AdapterError):
            for what, one in copy.deepcopy(THINGS) if watched else ():
                state.take(what, "ADDED", one)
            if watched:
                state.snapshot("1")
            for what, one in copy.deepcopy(told):
                state.take(what, "MODIFIED", one)
            state.deltas() if watched else state.snapshot("1")
            list(state.gangs())


def test_one_group_that_makes_no_sense_is_held_alone() -> None:
    state = State(lambda pod: True)
    for what, one in spoilt(3, ("metadata", "annotations", "kueue.x-k8s.io/podset-slice-size"), "0"):
        state.take(what, "ADDED", one)
    now = state.snapshot("1")
    assert [job.name for job in now.jobs] == ["d/claims", "d/single", "d/stores", "lab/asks"]
    assert any(item.where == "group d/g" and item.effect == "held" for item in now.dropped)
