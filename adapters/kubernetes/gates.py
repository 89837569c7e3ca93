"""The least invasive way in: pods are held by a scheduling gate, told their node, and let go to their own scheduler."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Final

from hal.adapters.kubernetes.adapter import KubernetesAdapter
from hal.adapters.kubernetes.client import MERGE
from hal.adapters.kubernetes.convert import bound
from hal.adapters.kubernetes.kinds import PODS
from hal.adapters.kubernetes.promises import Task, path_of
from hal.adapters.kubernetes.requests import INDEX, SHARE

__all__ = ["GATE", "GateAdviser", "lifted"]

#: Name of the gate that pods are created with.
GATE: Final = "hal-core/place"
#: Annotation of a pod that was let go: where to.
NODE: Final = "hal-core/node"
_MUST: Final = "requiredDuringSchedulingIgnoredDuringExecution"


def lifted(pod: Mapping[str, Any], node: str, gpus: tuple[int, ...] = ()) -> dict[str, Any]:
    """Return the merge patch that sends a gated pod to a node and lifts the gate.

    A gated pod's node affinity may only be narrowed: the node's name is added to each of its alternatives, so that
    whatever the pod asked for still holds. The patch is for the pod as it was read, and refused (409) for any other.
    """
    meta, spec = pod["metadata"], pod["spec"]
    affinity = copy.deepcopy((spec.get("affinity") or {}).get("nodeAffinity") or {})
    terms = (affinity.get(_MUST) or {}).get("nodeSelectorTerms") or [{}]
    name = {"key": "metadata.name", "operator": "In", "values": [node]}
    affinity[_MUST] = {
        "nodeSelectorTerms": [
            {**term, "matchFields": [*(term.get("matchFields") or ()), name]} for term in terms
        ]
    }
    notes = {NODE: node}
    if gpus and SHARE in (meta.get("annotations") or {}):
        notes[INDEX] = "-".join(map(str, gpus))
    gates = [gate for gate in spec.get("schedulingGates") or () if gate.get("name") != GATE]
    return {
        "metadata": {"resourceVersion": meta.get("resourceVersion"), "annotations": notes},
        "spec": {"affinity": {"nodeAffinity": affinity}, "schedulingGates": gates},
    }


class GateAdviser(KubernetesAdapter):
    """Adds node affinity to pods with the gate ``hal-core/place`` and lifts it; their own scheduler binds them.

    Parameters as of `KubernetesAdapter`; ``scheduler`` is who speaks in Events, and names the lease.

    Notes
    -----
    Needs a release that has scheduling gates (1.27 and later by default). A pod that has further gates is left alone
    until they are lifted. One that was let go holds its node from then on.
    """

    name = "kubernetes-gates"
    makes = False

    def claims(self, pod: Mapping[str, Any]) -> bool:
        """Whether a pod is held by our gate and by no other."""
        return bool(pod.get(GATE))

    def seen(self, kind: str, thing: dict[str, Any]) -> dict[str, Any]:
        """Return a pod without our gate, and one that was let go as bound where it was sent."""
        if kind != PODS:
            return thing
        spec = thing["spec"]
        gates = [gate.get("name") for gate in spec.get("schedulingGates") or ()]
        node = (thing["metadata"].get("annotations") or {}).get(NODE)
        if gates == [GATE]:
            return {**thing, GATE: thing, "spec": {**spec, "schedulingGates": []}}
        if node and not gates and not bound(thing):
            return {**thing, "spec": {**spec, "nodeName": node}}
        return thing

    def send(self, key: str, node: str, gpus: tuple[int, ...], pod: Mapping[str, Any]) -> None:
        """Narrow a pod to a node and lift its gate."""
        if GATE not in pod:
            pod = self.seen(PODS, self.client.call("GET", path_of(key)))
        self.client.call("PATCH", path_of(key), lifted(pod.get(GATE) or pod, node, gpus), kind=MERGE)

    def send_many(self, tasks: Sequence[Task]) -> list[bool]:
        """Leave each to `send`: what is sent depends on the pod as it is now."""
        return [False] * len(tasks)
