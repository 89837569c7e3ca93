"""Slices, claims and classes of devices as each release of their API has them, against what hal makes of them."""

from __future__ import annotations

import copy
from typing import Any

import kubernetes_validate
import pytest
from hal.adapters.contract import JobQueued, JobStarted
from hal.adapters.kubernetes.convert import job_of
from hal.adapters.kubernetes.devices import devices_of
from hal.adapters.kubernetes.kinds import DEVICES, NODES, PODS, RESOURCES, SLICES
from hal.adapters.kubernetes.places import World
from hal.adapters.kubernetes.state import State

import hal

DRIVER = "gpu.nvidia.com"
#: Release of the API → release of Kubernetes whose schema it is held against.
RELEASES = {"v1": "1.34", "v1beta2": "1.33", "v1beta1": "1.32"}


def published(release: str, node: str, *models: str, count: int = 1, generation: int = 1) -> dict[str, Any]:
    """Return the slice of a node with one GPU of 80 GiB of each model."""
    devices = []
    for number, model in enumerate(models):
        attributes = {"type": {"string": "gpu"}, "productName": {"string": model}, "index": {"int": number}}
        basic = {"attributes": attributes, "capacity": {"memory": {"value": "80Gi"}}}
        name = {"name": f"gpu-{number}"}
        devices.append({**name, "basic": basic} if release == "v1beta1" else {**name, **basic})
    pool = {"name": node, "generation": generation, "resourceSliceCount": count}
    spec = {"driver": DRIVER, "nodeName": node, "pool": pool, "devices": devices}
    return told(release, "ResourceSlice", f"{node}-{generation}", spec)


def claim(release: str, name: str = "c", *selectors: str, **more: Any) -> dict[str, Any]:
    """Return a claim of GPUs."""
    asked: dict[str, Any] = {"deviceClassName": "gpu", **more}
    if selectors:
        asked["selectors"] = [{"cel": {"expression": one}} for one in selectors]
    request = {"name": "r", **asked} if release == "v1beta1" else {"name": "r", "exactly": asked}
    return told(release, "ResourceClaim", name, {"devices": {"requests": [request]}}, namespace="lab")


def kind(release: str = "v1") -> dict[str, Any]:
    """Return the class of whole GPUs, as NVIDIA's driver installs it."""
    expression = f"device.driver == '{DRIVER}' && device.attributes['{DRIVER}'].type == 'gpu'"
    return told(release, "DeviceClass", "gpu", {"selectors": [{"cel": {"expression": expression}}]})


def told(release: str, kind: str, name: str, spec: dict[str, Any], **meta: str) -> dict[str, Any]:
    thing = {
        "apiVersion": f"resource.k8s.io/{release}",
        "kind": kind,
        "metadata": {"name": name, **meta},
        "spec": spec,
    }
    kubernetes_validate.validate(copy.deepcopy(thing), RELEASES[release], strict=True)
    return thing


def allocated(claim: dict[str, Any], node: str, uid: str, *devices: str) -> dict[str, Any]:
    results = [{"request": "r", "driver": DRIVER, "pool": node, "device": name} for name in devices]
    user = {"resource": "pods", "name": uid, "uid": uid}
    return {**claim, "status": {"allocation": {"devices": {"results": results}}, "reservedFor": [user]}}


def pod(name: str, *claims: str, node: str = "", **status: Any) -> dict[str, Any]:
    needs = [{"name": f"need-{one}", "resourceClaimName": one} for one in claims]
    spec = {
        "containers": [{"resources": {"requests": {"cpu": "1"}}}],
        "resourceClaims": needs,
        "nodeName": node,
    }
    return {"metadata": {"name": name, "namespace": "lab", "uid": name}, "spec": spec, "status": status}


def machine(name: str) -> dict[str, Any]:
    offers = {"cpu": "8", "memory": "32Gi", "pods": "110"}
    return {"metadata": {"name": name}, "spec": {}, "status": {"allocatable": offers}}


def world(*claims: dict[str, Any], slices: dict[str, list[dict[str, Any]]] | None = None) -> World:
    by_node = slices or {"a": [published("v1", "a", "A100", "A100")], "h": [published("v1", "h", "H100")]}
    return World(
        devices={node: devices_of(found)[0] for node, found in by_node.items()},
        resources={f"lab/{one['metadata']['name']}": one for one in claims},
        kinds={"gpu": kind()},
    )


@pytest.mark.parametrize("release", RELEASES)
def test_what_drivers_publish_are_gpus(release: str) -> None:
    devices, dropped = devices_of([published(release, "n", "A100", "H100")])
    assert dropped == []
    assert [device.gpu for device in devices] == [
        hal.GPU("A100", memory="80GiB"),
        hal.GPU("H100", memory="80GiB"),
    ]


def test_only_whole_pools_of_the_newest_generation_count() -> None:
    old, new = published("v1", "n", "A100", "A100"), published("v1", "n", "A100", generation=2)
    assert len(devices_of([old, new])[0]) == 1
    half = published("v1", "n", "A100", count=2, generation=3)
    found, dropped = devices_of([old, half])
    assert (found, [item.field for item in dropped]) == ([], ["resourceSliceCount"])
    parts = published("v1", "n", "A100", "A100", "A100")
    first, second, _ = parts["spec"]["devices"]
    first["attributes"]["type"] = {"string": "mig"}
    second["taints"] = [{"key": "x", "effect": "NoSchedule"}]
    found, dropped = devices_of([parts])
    assert [device.key[2] for device in found] == ["gpu-2"]
    assert [item.field for item in dropped] == ["type", "taints"]


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize(
    ("selectors", "models"),
    [
        ((), ()),
        ((f'device.attributes["{DRIVER}"].productName == "H100"',), ("H100",)),
        ((f'device.capacity["{DRIVER}"].memory.compareTo(quantity("40Gi")) >= 0',), ()),
    ],
)
def test_what_is_claimed_is_asked_for(
    release: str, selectors: tuple[str, ...], models: tuple[str, ...]
) -> None:
    made, dropped = job_of(pod("p", "c"), world(claim(release, "c", *selectors, count=2)))
    assert made is not None, dropped
    assert (made.gpus, tuple(made.gpu_models)) == (2, models)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (claim("v1", "c", allocationMode="All"), "All"),
        (claim("v1", "c", "device.attributes['x'].y.matches('A.*')"), "matches"),
        (claim("v1", "c", f"device.attributes['{DRIVER}'].index == 0"), "more than a model"),
        (claim("v1", "c", f"device.attributes['{DRIVER}'].productName == 'B200'"), "no whole GPU"),
        (claim("v1", "c", deviceClassName="tpu"), "no class tpu"),
        (claim("v1", "other"), "not there yet"),
        (allocated(claim("v1", "c"), "a", "q", "gpu-0"), "is allocated"),
    ],
)
def test_what_cannot_be_said_is_held(given: dict[str, Any], why: str) -> None:
    made, dropped = job_of(pod("p", "c"), world(given))
    assert made is None
    assert (dropped[-1].field, dropped[-1].effect) == ("resourceClaims", "held")
    assert why in dropped[-1].value


def test_claims_that_a_template_made_are_found_by_the_status() -> None:
    using = pod("p")
    using["spec"]["resourceClaims"] = [{"name": "gpu", "resourceClaimTemplateName": "t"}]
    assert job_of(using, world(claim("v1", "p-gpu-x7")))[0] is None
    using["status"]["resourceClaimStatuses"] = [{"name": "gpu", "resourceClaimName": "p-gpu-x7"}]
    made, _ = job_of(using, world(claim("v1", "p-gpu-x7")))
    assert made is not None
    assert made.gpus == 1
    using["status"]["resourceClaimStatuses"] = [{"name": "gpu"}]  # found not to be needed
    made, _ = job_of(using, world())
    assert made is not None
    assert made.gpus == 0


def test_who_binds_without_allocating_leaves_claims_alone() -> None:
    state = State(lambda pod: True)
    state.take(NODES, "ADDED", machine("a"))
    state.take(PODS, "ADDED", pod("p", "c"))
    assert state.snapshot("1").jobs == ()


def test_devices_and_claims_are_followed() -> None:
    state = State(lambda pod: True)
    for what, thing in (
        (NODES, machine("a")), (SLICES, published("v1", "a", "A100", "A100")), (DEVICES, kind()),
        (RESOURCES, claim("v1", "c")), (PODS, pod("p", "c")),
        (RESOURCES, allocated(claim("v1", "d"), "a", "q", "gpu-1")), (PODS, pod("q", "d", node="a")),
    ):  # fmt: skip
        state.take(what, "ADDED", thing)
    now = state.snapshot("1")
    assert [node.gpus for node in now.nodes] == [hal.gpus(2, "A100", memory="80GiB")]
    assert [(run.job.name, run.gpus) for run in now.running] == [("lab/q", ((1,),))]
    assert [(job.name, job.gpus) for job in now.jobs] == [("lab/p", 1)]
    # Somebody allocates and binds what hal advised.
    state.take(PODS, "MODIFIED", pod("p", "c", node="a"))
    state.deltas()
    state.take(RESOURCES, "MODIFIED", allocated(claim("v1", "c"), "a", "p", "gpu-0"))
    (started,) = state.deltas()
    assert isinstance(started, JobStarted)
    assert (started.running.job.name, started.running.gpus) == ("lab/p", ((0,),))
    # A claim that comes late, and a device that goes.
    state.take(PODS, "ADDED", pod("r", "e"))
    assert state.deltas() == []
    state.take(RESOURCES, "ADDED", claim("v1", "e"))
    (queued,) = state.deltas()
    assert isinstance(queued, JobQueued)
    assert queued.job.gpus == 1
    state.take(SLICES, "DELETED", published("v1", "a", "A100", "A100"))
    assert state.nodes["a"].gpus == ()
