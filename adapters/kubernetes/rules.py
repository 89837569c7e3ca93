"""Beside whom a pod may go: affinity, spread and host ports in hal's terms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from hal.adapters.contract import Dropped
from hal.adapters.kubernetes.places import MUST, WISH, Unsaid, World, expression

import hal

__all__ = ["NAMESPACE", "keeping_away", "labels", "rules"]

#: Label that hal adds; no label of Kubernetes has a colon.
NAMESPACE: Final = "field:metadata.namespace"
_HOST: Final = "kubernetes.io/hostname"


def labels(pod: Mapping[str, Any]) -> dict[str, str]:
    """Return a pod's labels, its namespace, and its host ports, by which rules of pods find it."""
    meta = pod["metadata"]
    own = {key: str(value) for key, value in (meta.get("labels") or {}).items()}
    ports = dict.fromkeys(_ports(pod["spec"]), "")
    return {**own, **ports, NAMESPACE: meta.get("namespace") or "default"}


# ---- other pods --------------------------------------------------------------------------------------------


def rules(
    pod: Mapping[str, Any], world: World | None, where: str, dropped: list[Dropped]
) -> list[hal.Affinity | hal.AntiAffinity | hal.Spread]:
    """Return a pod's rules towards others.

    Raises
    ------
    Unsaid
        A must that the model cannot say.
    """
    spec = pod["spec"]
    affinity = spec.get("affinity") or {}
    found: list[hal.Affinity | hal.AntiAffinity | hal.Spread] = []
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
    for term in affinity.get(MUST) or ():
        yield term, None
    for item in affinity.get(WISH) or ():
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
    found += [expression(entry) for entry in selector.get("matchExpressions") or ()]
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
