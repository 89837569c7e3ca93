"""What a pod's volumes ask of a node, and which of its claims wait for the node to be chosen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from hal.adapters.contract import Dropped
from hal.adapters.kubernetes.places import NAME, Unsaid, World, alternatives
from hal.adapters.kubernetes.quantities import amount

import hal

__all__ = ["SELECTED", "asks", "claims_of", "unmade"]

#: Annotation of a claim: the node that its volume is to be made for, by whom it is made.
SELECTED: Final = "volume.kubernetes.io/selected-node"
#: Annotation of a claim whose binding its controller has completed.
_DONE: Final = "pv.kubernetes.io/bind-completed"
#: Provisioner of classes whose volumes somebody makes by hand.
_NOBODY: Final = "kubernetes.io/no-provisioner"


def claims_of(pod: Mapping[str, Any]) -> Iterator[str]:
    """Yield ``namespace/name`` of the claims that a pod uses."""
    meta = pod["metadata"]
    for volume in pod["spec"].get("volumes") or ():
        claim = (volume.get("persistentVolumeClaim") or {}).get("claimName")
        if "ephemeral" in volume:
            claim = f"{meta['name']}-{volume['name']}"
        if claim is not None:
            yield f"{meta.get('namespace') or 'default'}/{claim}"


def asks(
    pod: Mapping[str, Any], world: World | None, where: str, dropped: list[Dropped]
) -> Iterator[tuple[str, list[hal.Selector]]]:
    """Yield what a pod's volumes ask of a node, each with what is to be said where a node does not meet it.

    A claim without a volume that is made for the node (``WaitForFirstConsumer``) asks for what its class allows and
    where its driver has room, or for the node that was selected for it already.

    Raises
    ------
    Unsaid
        A claim that is not there, or that has no volume though it does not wait for a node.
    """
    for key in claims_of(pod):
        if world is None:
            dropped.append(Dropped(where, "persistentVolumeClaim", key))
            continue
        claim = world.claims.get(key)
        name = _volume(claim)
        volume = world.volumes.get(name)
        if volume is not None:
            affinity = (volume["spec"].get("nodeAffinity") or {}).get("required")
            if affinity:
                found = alternatives(affinity, world, "persistentVolume")
                yield f"volume node affinity conflict: PersistentVolume {name} of claim {key}", found
        elif claim is None or name or not _waits(claim, world):
            raise Unsaid("persistentVolumeClaim", f"{key} has no volume")
        elif node := _notes(claim).get(SELECTED):
            yield f"the volume of claim {key} is made for node {node}", [hal.Selector(NAME, "In", [node])]
        else:
            named = claim["spec"]["storageClassName"]
            kind = world.classes[named]
            yield f"StorageClass {named} of claim {key} allows no volume there", _allowed(kind, world)
            yield f"not enough free storage: StorageClass {named} of claim {key}", _roomy(kind, claim, world)


def unmade(pod: Mapping[str, Any], world: World) -> dict[str, str]:
    """Return the claims of a pod whose volume is not there yet, and the node selected for each, if any.

    A pod may be bound when there are none.
    """
    return {
        key: _notes(claim).get(SELECTED) or ""
        for key in claims_of(pod)
        if (claim := world.claims.get(key)) is not None
        and not (_volume(claim) in world.volumes and _DONE in _notes(claim))
        and _waits(claim, world)
    }


def _volume(claim: Mapping[str, Any] | None) -> str:
    return (claim or {}).get("spec", {}).get("volumeName") or ""


def _notes(claim: Mapping[str, Any]) -> Mapping[str, str]:
    return claim["metadata"].get("annotations") or {}


def _waits(claim: Mapping[str, Any], world: World) -> bool:
    """Whether a claim's volume is made once its pod's node is known."""
    kind = world.classes.get(claim["spec"].get("storageClassName") or "") or {}
    return kind.get("volumeBindingMode") == "WaitForFirstConsumer" and kind.get("provisioner") != _NOBODY


def _allowed(kind: Mapping[str, Any], world: World) -> list[hal.Selector]:
    """Return where volumes of a class can be made."""
    terms = [
        {
            "matchExpressions": [
                {"key": item["key"], "operator": "In", "values": item["values"]}
                for item in term.get("matchLabelExpressions") or ()
            ]
        }
        for term in kind.get("allowedTopologies") or ()
    ]
    return alternatives({"nodeSelectorTerms": terms}, world, "allowedTopologies") if terms else []


def _roomy(kind: Mapping[str, Any], claim: Mapping[str, Any], world: World) -> list[hal.Selector]:
    """Return where the driver of a class says that there is room for a volume; nothing of a driver that does not say.

    As kube-scheduler has it: one object must have room for the claim, and claims are looked at one by one.
    """
    driver = world.drivers.get(kind["provisioner"])
    if driver is None or not driver["spec"].get("storageCapacity"):
        return []
    asked = ((claim["spec"].get("resources") or {}).get("requests") or {}).get("storage") or 0
    terms = []
    for one in world.capacities.values():
        room = one.get("maximumVolumeSize") or one.get("capacity")
        if (
            one["storageClassName"] != kind["metadata"]["name"]
            or room is None
            or amount(room) < amount(asked)
        ):
            continue
        where = one.get("nodeTopology")
        if where is None:  # no node reaches it
            continue
        term = [
            *(
                {"key": key, "operator": "In", "values": [value]}
                for key, value in (where.get("matchLabels") or {}).items()
            ),
            *(where.get("matchExpressions") or ()),
        ]
        if not term:
            return []  # every node does
        terms.append({"matchExpressions": term})
    if not terms:
        return [hal.Selector(NAME, "DoesNotExist")]
    return alternatives({"nodeSelectorTerms": terms}, world, "CSIStorageCapacity")
