"""The collections of an API server that hal reads: their names, where they are, and what to ask for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = [
    "BUDGETS",
    "CLAIMS",
    "CLASSES",
    "DEVICES",
    "GLOBAL",
    "GROUPS",
    "NODES",
    "PATHS",
    "PODS",
    "QUERIES",
    "RESOURCES",
    "SLICES",
    "VOLUMES",
]

NODES, PODS, CLAIMS, VOLUMES, CLASSES, GROUPS, BUDGETS = (
    "nodes",
    "pods",
    "persistentvolumeclaims",
    "persistentvolumes",
    "storageclasses",
    "podgroups",
    "poddisruptionbudgets",
)
#: Of dynamic resource allocation.
SLICES, RESOURCES, DEVICES = "resourceslices", "resourceclaims", "deviceclasses"
#: Of no namespace.
GLOBAL: Final = (VOLUMES, CLASSES, SLICES, DEVICES)
#: Kind → paths, newest first, and whether we can do without it.
PATHS: Final[Mapping[str, tuple[tuple[str, ...], bool]]] = {
    NODES: (("/api/v1/nodes",), False),
    PODS: (("/api/v1/pods",), False),
    CLAIMS: (("/api/v1/persistentvolumeclaims",), True),
    VOLUMES: (("/api/v1/persistentvolumes",), True),
    CLASSES: (("/apis/storage.k8s.io/v1/storageclasses",), True),
    GROUPS: (("/apis/scheduling.x-k8s.io/v1alpha1/podgroups",), True),
    BUDGETS: (("/apis/policy/v1/poddisruptionbudgets", "/apis/policy/v1beta1/poddisruptionbudgets"), True),
    **{
        kind: (
            tuple(f"/apis/resource.k8s.io/{release}/{kind}" for release in ("v1", "v1beta2", "v1beta1")),
            True,
        )
        for kind in (SLICES, RESOURCES, DEVICES)
    },
}
QUERIES: Final[Mapping[str, Mapping[str, str]]] = {
    PODS: {"fieldSelector": "status.phase!=Succeeded,status.phase!=Failed"}
}
