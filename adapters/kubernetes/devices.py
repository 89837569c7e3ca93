"""Dynamic resource allocation (``resource.k8s.io``): the GPUs that drivers publish, and what pods claim of them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from hal.adapters.contract import Dropped
from hal.adapters.kubernetes.places import NAME, Unsaid, World
from hal.adapters.kubernetes.quantities import amount, mib

import hal

__all__ = [
    "Device",
    "claimed",
    "claims_of",
    "devices_of",
    "gpus_of",
    "held_by",
    "node_of",
    "reserved_for",
    "selectors",
]

#: Of a device that must not be handed out as one of its own: part of another, shared, or not for everybody.
_SPECIAL: Final = ("consumesCounters", "allowMultipleAllocations", "taints", "nodeName", "nodeSelector")
#: What of the language of selectors (CEL) is understood, joined by ``&&``.
_TERMS: Final = {
    "driver": re.compile(r"""device\.driver *== *["']([^"']+)["']"""),
    "attribute": re.compile(
        r"""device\.attributes\[["'][^"']+["']\]\.(\w+) *== *(?:["']([^"']*)["']|(\d+|true|false))"""
    ),
    "capacity": re.compile(
        r"""device\.capacity\[["'][^"']+["']\]\.(\w+)\.compareTo\(quantity\(["']([^"']+)["']\)\) *(>=|>|==) *0"""
    ),
}


@dataclass(frozen=True)
class Device:
    """A device of a node, as its driver published it.

    Attributes
    ----------
    key : (str, str, str)
        Driver, pool and name.
    attributes : mapping of str to str
        Without their domain; truth values in lower case.
    capacity : mapping of str to Fraction
    """

    key: tuple[str, str, str]
    attributes: Mapping[str, str]
    capacity: Mapping[str, Fraction]

    @property
    def gpu(self) -> hal.GPU:
        """The device in hal's model."""
        memory = mib(self.capacity.get("memory", Fraction(0)), up=False)
        return hal.GPU(self.attributes.get("productName") or self.key[0], memory=memory)


def devices_of(slices: Iterable[Mapping[str, Any]]) -> tuple[list[Device], list[Dropped]]:
    """Return the whole GPUs in a node's ResourceSlices, in the order of driver, pool and name, and what is left out.

    Of each pool only the newest generation counts, and only when all its slices are there.

    Parameters
    ----------
    slices : iterable of mapping
        ``resource.k8s.io`` v1, v1beta2 or v1beta1, all of one node.
    """
    pools: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for one in slices:
        spec = one["spec"]
        pools[spec["driver"], spec["pool"]["name"]].append(spec)
    found: list[Device] = []
    dropped: list[Dropped] = []
    for (driver, pool), specs in sorted(pools.items()):
        newest = max(spec["pool"].get("generation") or 0 for spec in specs)
        specs = [spec for spec in specs if (spec["pool"].get("generation") or 0) == newest]
        where = f"pool {driver}/{pool}"
        if len(specs) != specs[0]["pool"].get("resourceSliceCount"):
            dropped.append(Dropped(where, "resourceSliceCount", f"{len(specs)} are there"))
            continue
        for device in (device for spec in specs for device in spec.get("devices") or ()):
            basic = {**device, **(device.get("basic") or {})}  # v1beta1 has it one deeper
            if special := [key for key in _SPECIAL if basic.get(key)]:
                dropped.append(Dropped(f"{where}/{device['name']}", special[0], "no device of its own"))
                continue
            made = Device(
                (driver, pool, device["name"]),
                {_bare(key): _value(value) for key, value in (basic.get("attributes") or {}).items()},
                {_bare(key): amount(value["value"]) for key, value in (basic.get("capacity") or {}).items()},
            )
            if made.attributes.get("type", "gpu" if driver.startswith("gpu.") else "") == "gpu":
                found.append(made)
            else:
                dropped.append(Dropped(f"{where}/{device['name']}", "type", "no whole GPU"))
    return sorted(found, key=lambda device: device.key), dropped


def gpus_of(devices: Sequence[Device]) -> tuple[hal.GPU, ...]:
    """Return devices in hal's model: at most 64, the most one node has."""
    return tuple(device.gpu for device in devices[:64])


def claimed(pod: Mapping[str, Any], world: World) -> dict[str, Any]:
    """Return what the claims of a pod ask for, as fields of a job.

    Raises
    ------
    Unsaid
        A claim that is not there yet, that is allocated to somebody else, or that asks in other terms than a number of
        whole GPUs of certain models.
    """
    count = 0
    models: set[frozenset[str]] = set()
    for name, claim in claims_of(pod, world):
        if (claim.get("status") or {}).get("allocation") and not reserved_for(claim, pod):
            raise Unsaid("resourceClaims", f"{name} is allocated")
        devices = claim["spec"].get("devices") or {}
        for request in devices.get("requests") or ():
            number, allowed = _requested(name, request, world)
            count += number
            models.add(allowed)
        if devices.get("constraints") and count > 1:
            raise Unsaid("resourceClaims", f"{name} has constraints")
    if len(models) > 1:
        raise Unsaid("resourceClaims", "GPUs of different models")
    fields: dict[str, Any] = {"gpus": count} if count else {}
    return {**fields, "gpu_models": sorted(allowed)} if models and (allowed := models.pop()) else fields


def selectors(pod: Mapping[str, Any], world: World) -> list[hal.Selector]:
    """Return where what a pod claims can be: nodes that publish devices, and those of what it was allocated already."""
    claims = list(claims_of(pod, world))
    if not any((claim["spec"].get("devices") or {}).get("requests") for _, claim in claims):
        return []
    places = [hal.Selector(NAME, "In", sorted(node for node, there in world.devices.items() if there))]
    for key, claim in claims:
        if (claim.get("status") or {}).get("allocation"):
            node = node_of(claim)
            if node not in world.devices:
                raise Unsaid("resourceClaims", f"{key} is allocated on {node or 'other terms than a node'}")
            places.append(hal.Selector(NAME, "In", [node]))
    return places


def held_by(pod: Mapping[str, Any], world: World) -> tuple[int, ...]:
    """Return which GPUs of its node a pod that runs has by its claims; shared ones count for the first."""
    there = {
        device.key: row for row, device in enumerate((world.devices.get(pod["spec"]["nodeName"]) or ())[:64])
    }
    uid, held = pod["metadata"].get("uid"), []
    for _, claim in claims_of(pod, world):
        status = claim.get("status") or {}
        users = status.get("reservedFor") or [{}]
        results = ((status.get("allocation") or {}).get("devices") or {}).get("results") or ()
        if users[0].get("uid") == uid:
            keys = [
                (one["driver"], one["pool"], one["device"]) for one in results if not one.get("adminAccess")
            ]
            held += [there[key] for key in keys if key in there]
    return tuple(sorted(held))


def claims_of(pod: Mapping[str, Any], world: World) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield ``namespace/name`` and claim of each that a pod needs.

    Raises
    ------
    Unsaid
        One is not there yet.
    """
    made = {
        item["name"]: item.get("resourceClaimName")
        for item in (pod.get("status") or {}).get("resourceClaimStatuses") or ()
    }
    space = pod["metadata"].get("namespace") or "default"
    for item in pod["spec"].get("resourceClaims") or ():
        if item["name"] in made and not made[item["name"]]:
            continue  # found not to be needed
        name = item.get("resourceClaimName") or made.get(item["name"])
        claim = world.resources.get(f"{space}/{name}")
        if claim is None:
            raise Unsaid("resourceClaims", f"{name or item['name']} is not there yet")
        yield f"{space}/{name}", claim


def reserved_for(claim: Mapping[str, Any], pod: Mapping[str, Any]) -> bool:
    """Whether a claim is for this pod and for no other."""
    users = (claim.get("status") or {}).get("reservedFor") or ()
    return [user.get("uid") for user in users] == [pod["metadata"].get("uid")]


def node_of(claim: Mapping[str, Any]) -> str:
    """Return the node of a claim's allocation; empty where that is not one node by its name."""
    where = ((claim.get("status") or {}).get("allocation") or {}).get("nodeSelector") or {}
    fields = [one for term in where.get("nodeSelectorTerms") or () for one in term.get("matchFields") or ()]
    names = [name for one in fields if one.get("key") == "metadata.name" for name in one["values"]]
    return str(names[0]) if len(names) == 1 else ""


# ---- inside ------------------------------------------------------------------------------------------------


def _requested(name: str, request: Mapping[str, Any], world: World) -> tuple[int, frozenset[str]]:
    """Return how many GPUs a request is for, and of which models; none: of any."""
    asked = request.get("exactly") or request
    if request.get("firstAvailable") or "deviceClassName" not in asked:
        raise Unsaid("resourceClaims", f"{name}: alternatives")
    if asked.get("allocationMode", "ExactCount") != "ExactCount" or asked.get("adminAccess"):
        raise Unsaid("resourceClaims", f"{name}: {asked.get('allocationMode')} or access of administrators")
    kind = world.kinds.get(asked["deviceClassName"])
    if kind is None:
        raise Unsaid("resourceClaims", f"{name}: no class {asked['deviceClassName']}")
    selectors = [*(kind["spec"].get("selectors") or ()), *(asked.get("selectors") or ())]
    terms = [term for one in selectors for term in _terms(name, one["cel"]["expression"])]
    every = [device for devices in world.devices.values() for device in devices]
    fits = [device for device in every if all(_satisfies(device, term) for term in terms)]
    allowed = {device.gpu.model for device in fits}
    if not fits:
        raise Unsaid("resourceClaims", f"{name}: no whole GPU is like that")
    if allowed & {device.gpu.model for device in every if device not in fits}:
        raise Unsaid("resourceClaims", f"{name}: asks for more than a model")
    return asked.get("count", 1), frozenset(allowed if len(fits) < len(every) else ())


def _terms(name: str, expression: str) -> Iterator[tuple[str, ...]]:
    for part in expression.split("&&"):
        for kind, form in _TERMS.items():
            if found := form.fullmatch(part.strip(" ()\n\t")):
                yield kind, *(group for group in found.groups() if group is not None)
                break
        else:
            raise Unsaid("resourceClaims", f"{name}: {part.strip()}")


def _satisfies(device: Device, term: tuple[str, ...]) -> bool:
    match term:
        case ("driver", driver):
            return device.key[0] == driver
        case ("attribute", name, value):
            return device.attributes.get(name) == value
        case (_, name, value, how):
            have, least = device.capacity.get(name), amount(value)
            return have is not None and (
                have == least if how == "==" else have > least or (how, have) == (">=", least)
            )
    raise AssertionError(term)


def _bare(name: str) -> str:
    return name.rpartition("/")[2]


def _value(value: Mapping[str, Any]) -> str:
    (one,) = value.values()
    return str(one).lower() if isinstance(one, bool) else str(one)
