"""What a pod asks of a node, in hal's terms: selectors, affinity, wishes, taints it would rather not meet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import hal

if TYPE_CHECKING:
    from hal.adapters.kubernetes.devices import Device

__all__ = [
    "AVOID",
    "MUST",
    "NAME",
    "WISH",
    "Unsaid",
    "World",
    "alternatives",
    "expression",
    "key_of",
    "matches",
    "selectors",
    "wishes",
]

#: Labels that hal adds; no label of Kubernetes has a colon.
NAME: Final = "field:metadata.name"
#: With the key of a ``PreferNoSchedule`` taint after it; its value is the taint's.
AVOID: Final = "avoid:"
MUST: Final = "requiredDuringSchedulingIgnoredDuringExecution"
WISH: Final = "preferredDuringSchedulingIgnoredDuringExecution"


class Unsaid(Exception):
    """Something of a pod that the model cannot say, so that the pod is left to others."""

    def __init__(self, field: str, value: Any) -> None:
        super().__init__(field, value)
        self.field, self.value = field, str(value)[:200]


@dataclass(frozen=True)
class World:
    """What pods refer to beside themselves.

    Attributes
    ----------
    nodes : mapping of str to mapping of str to str
        Labels by node, with hal's own (`Node.labels`): alternatives (OR) become lists of nodes by them.
    claims, volumes : mapping of str to mapping
        PersistentVolumeClaims by ``namespace/name``, and PersistentVolumes by name.
    classes : mapping of str to mapping
        StorageClasses by name.
    drivers, capacities : mapping of str to mapping
        CSIDrivers by name, and CSIStorageCapacities by ``namespace/name``.
    levels : frozenset of str
        Label keys that are levels of the cluster's topology.
    avoided : mapping of (str, str) to int
        Key and value of the ``PreferNoSchedule`` taints there are, and on how many nodes.
    devices : mapping of str to list of Device
        By node, what its ResourceSlices publish.
    resources, kinds : mapping of str to mapping
        ResourceClaims by ``namespace/name``, and DeviceClasses by name.
    """

    nodes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    claims: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    volumes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    classes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    levels: frozenset[str] = frozenset()
    avoided: Mapping[tuple[str, str], int] = field(default_factory=dict)
    devices: Mapping[str, Sequence[Device]] = field(default_factory=dict)
    drivers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    capacities: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    resources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    kinds: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def key_of(item: Mapping[str, Any]) -> str:
    """Return ``namespace/name``."""
    meta = item["metadata"]
    return f"{meta.get('namespace') or 'default'}/{meta['name']}"


def selectors(spec: Mapping[str, Any], world: World | None) -> list[hal.Selector]:
    """Return what a pod's nodeSelector and required node affinity ask of a node.

    Raises
    ------
    Unsaid
        Alternatives, and no nodes are known by which to choose among them.
    """
    found = [hal.Selector(key, "In", [value]) for key, value in (spec.get("nodeSelector") or {}).items()]
    affinity = _affinity(spec).get(MUST)
    return found + (alternatives(affinity, world, "nodeAffinity") if affinity else [])


def wishes(spec: Mapping[str, Any], world: World | None) -> list[hal.Prefer]:
    """Return which nodes a pod would rather have: preferred node affinity, and taints that are only avoided.

    A weight of 100 counts as much as the policy, as does a taint.
    """
    found = []
    for item in _affinity(spec).get(WISH) or ():
        preference = _requirements(item["preference"])
        if preference:  # an empty one says nothing
            found.append(hal.Prefer(preference, weight=item["weight"] / 100))
    for key, value in sorted(world.avoided) if world else ():
        if not any(_tolerates(item, key, value) for item in spec.get("tolerations") or ()):
            found.append(hal.Prefer([hal.Selector(AVOID + key, "NotIn", [value])]))
    return found


def alternatives(selector: Mapping[str, Any], world: World | None, where: str) -> list[hal.Selector]:
    """Return what a NodeSelector asks; terms that differ become the nodes they fit now.

    Raises
    ------
    Unsaid
        There are several such terms, and no nodes are known.
    """
    terms = [_requirements(term) for term in selector.get("nodeSelectorTerms") or ()]
    terms = [term for term in terms if term]  # an empty one matches nothing
    if len(terms) == 1:
        return terms[0]
    ones = [term[0] for term in terms if len(term) == 1 and term[0].op == "In"]
    if terms and len(ones) == len(terms) and len({one.key for one in ones}) == 1:
        return [hal.Selector(ones[0].key, "In", [value for one in ones for value in one.values])]
    if world is None:
        raise Unsaid(where, f"{len(terms)} alternatives")
    # The nodes there are now; the adapter asks again when they change.
    allowed = [
        name
        for name, tags in world.nodes.items()
        if any(all(matches(one, tags) for one in term) for term in terms)
    ]
    return [hal.Selector(NAME, "In", allowed)] if allowed else [hal.Selector(NAME, "DoesNotExist")]


def expression(item: Mapping[str, Any]) -> hal.Selector:
    """Return one requirement on labels."""
    return hal.Selector(item["key"], item["operator"], item.get("values") or ())


def matches(one: hal.Selector, tags: Mapping[str, str]) -> bool:
    """Whether labels satisfy a requirement, as Kubernetes has it."""
    value = tags.get(one.key)
    match one.op:
        case "In":
            return value in one.values
        case "NotIn":
            return value not in one.values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
    try:
        have, limit = int(value or ""), int(one.values[0])
    except (ValueError, IndexError):
        return False
    return have > limit if one.op == "Gt" else have < limit


def _affinity(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    return (spec.get("affinity") or {}).get("nodeAffinity") or {}


def _requirements(term: Mapping[str, Any]) -> list[hal.Selector]:
    return [
        *(expression(item) for item in term.get("matchExpressions") or ()),
        *(expression({**item, "key": f"field:{item['key']}"}) for item in term.get("matchFields") or ()),
    ]


def _tolerates(item: Mapping[str, Any], key: str, value: str) -> bool:
    if item.get("effect") not in (None, "", "PreferNoSchedule") or item.get("key") not in (None, "", key):
        return False
    return item.get("operator") == "Exists" or (item.get("key") == key and (item.get("value") or "") == value)
