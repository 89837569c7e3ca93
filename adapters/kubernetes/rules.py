"""Where a pod may go and beside whom: selectors, affinity, spread and volumes in hal's terms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from hal.adapters.contract import Dropped

import hal

__all__ = [
    "NAME",
    "Unsaid",
    "World",
    "keeping_away",
    "key_of",
    "labels",
    "matches",
    "rules",
    "selectors",
    "volumes",
]

#: Labels that hal adds; no label of Kubernetes has a colon.
NAME: Final = "field:metadata.name"
NAMESPACE: Final = "field:metadata.namespace"
_HOST: Final = "kubernetes.io/hostname"
_MUST: Final = "requiredDuringSchedulingIgnoredDuringExecution"
_WISH: Final = "preferredDuringSchedulingIgnoredDuringExecution"


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
    levels : frozenset of str
        Label keys that are levels of the cluster's topology.
    """

    nodes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    claims: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    volumes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    levels: frozenset[str] = frozenset()


def key_of(item: Mapping[str, Any]) -> str:
    """Return ``namespace/name``."""
    meta = item["metadata"]
    return f"{meta.get('namespace') or 'default'}/{meta['name']}"


def labels(pod: Mapping[str, Any]) -> dict[str, str]:
    """Return a pod's labels, its namespace, and its host ports, by which rules of pods find it."""
    meta = pod["metadata"]
    own = {key: str(value) for key, value in (meta.get("labels") or {}).items()}
    ports = dict.fromkeys(_ports(pod["spec"]), "")
    return {**own, **ports, NAMESPACE: meta.get("namespace") or "default"}


# ---- nodes -------------------------------------------------------------------------------------------------


def selectors(spec: Mapping[str, Any], world: World | None) -> list[hal.Selector]:
    """Return what a pod's nodeSelector and required node affinity ask of a node.

    Raises
    ------
    Unsaid
        Alternatives, and no nodes are known by which to choose among them.
    """
    found = [hal.Selector(key, "In", [value]) for key, value in (spec.get("nodeSelector") or {}).items()]
    affinity = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(_MUST)
    return found + (_alternatives(affinity, world, "nodeAffinity") if affinity else [])


def _alternatives(selector: Mapping[str, Any], world: World | None, where: str) -> list[hal.Selector]:
    terms = [
        [
            *(_expression(item) for item in term.get("matchExpressions") or ()),
            *(_expression({**item, "key": f"field:{item['key']}"}) for item in term.get("matchFields") or ()),
        ]
        for term in selector.get("nodeSelectorTerms") or ()
    ]
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


def _expression(item: Mapping[str, Any]) -> hal.Selector:
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


def volumes(
    pod: Mapping[str, Any], world: World | None, where: str, dropped: list[Dropped]
) -> list[hal.Selector]:
    """Return what a pod's volumes ask of a node.

    Raises
    ------
    Unsaid
        A claim that is not there, or has no volume yet: who provides it must choose together with the node.
    """
    found: list[hal.Selector] = []
    for volume in pod["spec"].get("volumes") or ():
        claim = (volume.get("persistentVolumeClaim") or {}).get("claimName")
        if "ephemeral" in volume:
            claim = f"{pod['metadata']['name']}-{volume['name']}"
        if claim is None:
            continue
        if world is None:
            dropped.append(Dropped(where, "persistentVolumeClaim", claim))
            continue
        known = world.claims.get(f"{pod['metadata'].get('namespace') or 'default'}/{claim}")
        bound = (known or {}).get("spec", {}).get("volumeName")
        if not bound or bound not in world.volumes:
            raise Unsaid("persistentVolumeClaim", f"{claim} has no volume")
        affinity = (world.volumes[bound]["spec"].get("nodeAffinity") or {}).get("required")
        found += _alternatives(affinity, world, "persistentVolume") if affinity else []
    return found


# ---- other pods --------------------------------------------------------------------------------------------


def rules(
    pod: Mapping[str, Any], world: World | None, where: str, dropped: list[Dropped]
) -> list[hal.Affinity | hal.AntiAffinity | hal.Spread]:
    """Return a pod's rules towards others; wishes about nodes are listed as dropped.

    Raises
    ------
    Unsaid
        A must that the model cannot say.
    """
    spec = pod["spec"]
    affinity = spec.get("affinity") or {}
    found: list[hal.Affinity | hal.AntiAffinity | hal.Spread] = []
    for item in (affinity.get("nodeAffinity") or {}).get(_WISH) or ():
        dropped.append(Dropped(where, "preferred nodeAffinity", str(item.get("preference"))[:200]))
    for kind, make in (("podAffinity", hal.Affinity), ("podAntiAffinity", hal.AntiAffinity)):
        for term, weight in _terms(affinity.get(kind) or {}):
            try:
                if kind == "podAntiAffinity" and weight is None and term.get("labelSelector") is None:
                    continue  # chooses no pod
                level = _level(term["topologyKey"], world)
                found.append(make(_chosen(term, pod), level=level, weight=weight))
            except Unsaid as error:
                if weight is None:
                    raise
                dropped.append(Dropped(where, f"preferred {error.field}", error.value))
    for item in spec.get("topologySpreadConstraints") or ():
        found += _spread(item, pod, world, where, dropped)
    ports = [hal.AntiAffinity([hal.Selector(port, "Exists")]) for port in _ports(spec)]
    return [*found, *ports]


def keeping_away(
    pod: Mapping[str, Any], world: World | None, where: str, dropped: list[Dropped]
) -> list[hal.AntiAffinity]:
    """Return the rules of a running pod that hold for those to come."""
    spec = pod["spec"]
    found = [hal.AntiAffinity([hal.Selector(port, "Exists")]) for port in _ports(spec)]
    for term, weight in _terms((spec.get("affinity") or {}).get("podAntiAffinity") or {}):
        if weight is None and term.get("labelSelector") is not None:
            try:
                found.append(hal.AntiAffinity(_chosen(term, pod), level=_level(term["topologyKey"], world)))
            except Unsaid as error:
                dropped.append(Dropped(where, error.field, error.value))
    return found


def _terms(affinity: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], float | None]]:
    for term in affinity.get(_MUST) or ():
        yield term, None
    for item in affinity.get(_WISH) or ():
        yield item["podAffinityTerm"], item["weight"] / 100  # of the policy's own score


def _spread(
    item: Mapping[str, Any], pod: Mapping[str, Any], world: World | None, where: str, dropped: list[Dropped]
) -> list[hal.Spread]:
    wish = item.get("whenUnsatisfiable") == "ScheduleAnyway"
    for name in ("minDomains", "nodeAffinityPolicy", "nodeTaintsPolicy"):
        if item.get(name) not in (None, 1, "Honor"):
            dropped.append(Dropped(where, name, str(item[name])))
    try:
        level = _level(item["topologyKey"], world)
        chosen = _chosen({**item, "namespaces": None}, pod)
        return [hal.Spread(chosen, level=level, max_skew=item["maxSkew"], weight=1.0 if wish else None)]
    except Unsaid as error:
        if not wish:
            raise
        dropped.append(Dropped(where, error.field, error.value))
        return []


def _level(key: str, world: World | None) -> str:
    if key == _HOST:
        return "node"
    if world is not None and key not in world.levels:
        raise Unsaid("topologyKey", f"{key}, which no node has")
    return key


def _chosen(term: Mapping[str, Any], pod: Mapping[str, Any]) -> list[hal.Selector]:
    """Return which pods a term is about: their labels and namespaces."""
    selector = term.get("labelSelector")
    if selector is None:
        raise Unsaid("labelSelector", "none, which chooses no pod")
    own = pod["metadata"].get("labels") or {}
    found = [hal.Selector(key, "In", [value]) for key, value in (selector.get("matchLabels") or {}).items()]
    found += [_expression(entry) for entry in selector.get("matchExpressions") or ()]
    for key in term.get("matchLabelKeys") or ():
        found += [hal.Selector(key, "In", [own[key]])] if key in own else []
    for key in term.get("mismatchLabelKeys") or ():
        found += [hal.Selector(key, "NotIn", [own[key]])] if key in own else []
    among: Sequence[str] = term.get("namespaces") or ()
    choice = term.get("namespaceSelector")
    if choice:  # empty: all of them
        raise Unsaid("namespaceSelector", choice)
    if choice is None:
        spaces = list(among) or [pod["metadata"].get("namespace") or "default"]
        found.append(hal.Selector(NAMESPACE, "In", spaces))
    return found


def _ports(spec: Mapping[str, Any]) -> list[str]:
    """Return a name for each port of the host that a pod takes; addresses are not told apart."""
    return sorted(
        {
            f"port:{port.get('protocol') or 'TCP'}/{port['hostPort']}"
            for container in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ()))
            for port in container.get("ports") or ()
            if port.get("hostPort")
        }
    )
