"""The collections of an API server that hal reads: their names, where they are, and what to ask for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = [
    "BUDGETS",
    "CAPACITIES",
    "CLAIMS",
    "CLASSES",
    "DEVICES",
    "DRIVERS",
    "GLOBAL",
    "GROUPS",
    "NODES",
    "PATHS",
    "PODS",
    "QUERIES",
    "RESOURCES",
    "SLICES",
    "SPARE",
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
#: Of storage: how much room there is and where, and which drivers tell.
CAPACITIES, DRIVERS = "csistoragecapacities", "csidrivers"
#: Of dynamic resource allocation.
SLICES, RESOURCES, DEVICES = "resourceslices", "resourceclaims", "deviceclasses"
#: What pods and groups refer to; a server may have none of it.
SPARE: Final = (CLAIMS, VOLUMES, CLASSES, DRIVERS, CAPACITIES, GROUPS, BUDGETS, RESOURCES, DEVICES)
#: Of no namespace.
GLOBAL: Final = (VOLUMES, CLASSES, DRIVERS, SLICES, DEVICES)
#: Kind → paths, newest first, and whether we can do without it.
PATHS: Final[Mapping[str, tuple[tuple[str, ...], bool]]] = {
    NODES: (("/api/v1/nodes",), False),
    PODS: (("/api/v1/pods",), False),
    CLAIMS: (("/api/v1/persistentvolumeclaims",), True),
    VOLUMES: (("/api/v1/persistentvolumes",), True),
    CLASSES: (("/apis/storage.k8s.io/v1/storageclasses",), True),
    CAPACITIES: (
        tuple(f"/apis/storage.k8s.io/{release}/{CAPACITIES}" for release in ("v1", "v1beta1", "v1alpha1")),
        True,
    ),
    DRIVERS: (("/apis/storage.k8s.io/v1/csidrivers",), True),
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
