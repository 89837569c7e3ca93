"""Nodes and pods of Kubernetes, as plain JSON, in hal's model. Pure and total: what the model cannot say is listed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, Final

from hal.adapters.contract import Dropped, Running
from hal.adapters.kubernetes import devices, places, rules, volumes
from hal.adapters.kubernetes.devices import Device, claimed, gpus_of, held_by
from hal.adapters.kubernetes.places import AVOID, NAME, Unsaid, World, key_of
from hal.adapters.kubernetes.quantities import amount, cpu_milli, mib, whole
from hal.adapters.kubernetes.requests import COUNT, GPU, INDEX, MODEL, SHARE, both, counted, request_of

import hal
import hal.topology

__all__ = ["World", "bound", "ended", "job_of", "key_of", "node_of", "running_of", "topology_of"]

_MODELS: Final = ("nvidia.com/gpu.product", MODEL, "cloud.google.com/gke-accelerator", "gpu.nvidia.com/model")
#: What a broken or lying server makes of code that reads its objects.
_BROKEN: Final = (hal.HalError, AttributeError, KeyError, TypeError, ValueError, OverflowError)


def node_of(
    node: Mapping[str, Any], published: Sequence[Device] = ()
) -> tuple[hal.Node, tuple[Dropped, ...]]:
    """Return a node, and what of it the model cannot say.

    CPU and memory are rounded down. Devices come from ``nvidia.com/gpu`` (or ``gpu-count``) with the labels of the
    GPU feature discovery; MIG devices and everything else that is counted are extended resources, also ``pods``.

    Parameters
    ----------
    node : mapping
        A ``v1`` Node. One that makes no sense is returned closed.
    published : sequence of Device
        Of its ResourceSlices; used where no GPUs are counted among its resources.
    """
    name = "unnamed"
    dropped: list[Dropped] = []
    try:
        meta, spec, status = node["metadata"], node.get("spec") or {}, node.get("status") or {}
        name = hal.Node(meta["name"]).name
        labels = {key: str(value) for key, value in (meta.get("labels") or {}).items()}
        offered = {
            key: amount(value)
            for key, value in (status.get("allocatable") or status.get("capacity") or {}).items()
        }
        counted_ones = offered.pop(GPU, Fraction(0)) or offered.pop(COUNT, Fraction(0))
        offered.pop(SHARE, None)  # COUNT says it
        offered.pop(COUNT, None)
        count = whole(counted_ones, up=False)
        if count > 64:
            dropped.append(Dropped(f"node {name}", GPU, f"{count}, the first 64 are used"))
        memory = labels.get("nvidia.com/gpu.memory", "")
        resources = {
            key: counted(key, value, up=False)
            for key, value in offered.items()
            if key not in ("cpu", "memory") and not key.startswith("attachable-volumes-")
        }
        return (
            hal.Node(
                name,
                cpus=f"{cpu_milli(offered.get('cpu', Fraction(0)), up=False)}m",
                memory=mib(offered.get("memory", Fraction(0)), up=False),
                gpus=hal.gpus(
                    min(count, 64),
                    next((labels[key] for key in _MODELS if labels.get(key)), "gpu"),
                    memory=int(memory) if memory.isdecimal() else 0,
                )
                or gpus_of(published),
                resources=resources,
                labels={**labels, NAME: name, **_avoided(spec)},
                taints=[
                    hal.Taint(taint["key"], taint.get("value") or "", taint["effect"])
                    for taint in spec.get("taints") or ()
                ],
                schedulable=not spec.get("unschedulable")
                and not meta.get("deletionTimestamp")
                and _ready(status),
            ),
            tuple(dropped),
        )
    except _BROKEN as error:
        what = Dropped(f"node {name}", "object", _short(error), "unschedulable")
        return hal.Node(name, schedulable=False), (*dropped, what)


def job_of(pod: Mapping[str, Any], world: World | None = None) -> tuple[hal.Job | None, tuple[Dropped, ...]]:
    """Return what a pod asks for, under the name ``namespace/name``, and what of it the model cannot say.

    Parameters
    ----------
    pod : mapping
        A ``v1`` Pod that waits.
    world : World, optional
        What it refers to beside itself. None: its volumes are somebody else's to look at.

    Returns
    -------
    job : Job or None
        None when placing it without what cannot be said would be wrong: it is left to others.
    dropped : tuple of Dropped
        ``held`` says why there is no job, ``ignored`` what was left out.
    """
    where = f"pod {_key(pod)}"
    dropped: list[Dropped] = []
    try:
        spec, meta = pod["spec"], pod["metadata"]
        for field in ("schedulingGates", "resourceClaims") if world is None else ("schedulingGates",):
            if spec.get(field):
                raise Unsaid(field, ", ".join(str(item.get("name")) for item in spec[field]))
        request = request_of(spec, meta.get("annotations") or {})
        selector = places.selectors(spec, world)
        for _, needed in volumes.asks(pod, world, where, dropped):
            selector += needed
        if world is not None and spec.get("resourceClaims"):
            request = both(request, claimed(pod, world))
            selector += devices.selectors(pod, world)
        job = hal.Job(
            key_of(pod),
            **request,
            selector=selector,
            tolerations=[
                hal.Toleration(
                    item.get("key") or "",
                    item.get("operator") or "Equal",
                    item.get("value") or "",
                    item.get("effect") or "",
                )
                for item in spec.get("tolerations") or ()
            ],
            priority=spec.get("priority") or 0,
            labels=rules.labels(pod),
            rules=[*rules.rules(pod, world, where, dropped), *places.wishes(spec, world)],
        )
    except Unsaid as error:
        return None, (*dropped, Dropped(where, error.field, error.value, "held"))
    except _BROKEN as error:
        return None, (*dropped, Dropped(where, "object", _short(error), "held"))
    return job, tuple(dropped)


def running_of(
    pod: Mapping[str, Any], world: World | None = None
) -> tuple[Running | None, tuple[Dropped, ...]]:
    """Return what a bound pod holds: its request, and its labels and rules towards pods to come.

    None for a pod that is not bound, or that has ended; and for one whose request makes no sense (listed).
    """
    where = f"pod {_key(pod)}"
    dropped: list[Dropped] = []
    try:
        spec, annotations = pod["spec"], pod["metadata"].get("annotations") or {}
        if not bound(pod) or ended(pod):
            return None, ()
        request = request_of(spec, annotations)
        held = held_by(pod, world) if world is not None and spec.get("resourceClaims") else ()
        job = hal.Job(
            key_of(pod),
            **both(request, {"gpus": len(held)}),
            priority=spec.get("priority") or 0,
            labels=rules.labels(pod),
            rules=rules.keeping_away(pod, world, where, dropped),
        )
        index = annotations.get(INDEX)
        gpus: tuple[int, ...] | None = None if job.gpus else ()
        if job.gpus and index:
            gpus = tuple(int(part) for part in index.split("-"))
        elif held and job.gpus == len(held):
            gpus = held
        return Running(job, (spec["nodeName"],), (gpus,)), tuple(dropped)
    except Unsaid:  # a claim is not known, and held nothing of ours then
        return running_of({**pod, "spec": {**pod["spec"], "resourceClaims": []}}, world)
    except _BROKEN as error:
        return None, (*dropped, Dropped(where, "object", _short(error)))


def bound(pod: Mapping[str, Any]) -> bool:
    """Whether a pod has its node."""
    return bool(pod["spec"].get("nodeName"))


def ended(pod: Mapping[str, Any]) -> bool:
    """Whether a pod holds nothing any more; one that is being deleted does until it is gone."""
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def topology_of(
    nodes: Mapping[str, Mapping[str, str]], extra: tuple[str, ...] = ()
) -> hal.topology.Topology | None:
    """Return the tree of what the nodes' labels say: region, zone, and the levels of their cloud or fabric.

    Parameters
    ----------
    nodes : mapping of str to mapping of str to str
        Labels by node.
    extra : tuple of str
        Further label keys, nearest last, below the known ones.
    """
    present = {key for labels in nodes.values() for key in labels}
    known = dict.fromkeys(key for keys in hal.topology.PRESETS.values() for key in keys)
    levels = [key for key in (*known, *extra) if key in present]
    return hal.topology.from_labels(nodes, levels) if levels else None


# ---- small things ------------------------------------------------------------------------------------------


def _avoided(spec: Mapping[str, Any]) -> dict[str, str]:
    """Return the taints that are wishes as labels, for wishes go by labels."""
    return {
        AVOID + taint["key"]: taint.get("value") or ""
        for taint in spec.get("taints") or ()
        if taint["effect"] == "PreferNoSchedule"
    }


def _ready(status: Mapping[str, Any]) -> bool:
    """Whether a node's kubelet does not say otherwise; its taint says so later."""
    return all(
        item.get("status") == "True" for item in status.get("conditions") or () if item.get("type") == "Ready"
    )


def _key(pod: Mapping[str, Any]) -> str:
    try:
        return key_of(pod)
    except _BROKEN:
        return "unnamed"


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:200]
