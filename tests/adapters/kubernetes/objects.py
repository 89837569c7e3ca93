"""Pods and nodes as plain JSON, and what hal makes of a pod."""

from __future__ import annotations

from typing import Any

from hal.adapters.kubernetes.convert import job_of
from hal.adapters.kubernetes.places import World

import hal

__all__ = ["asks", "held", "job", "node", "pod"]


def pod(spec: dict[str, Any] | None = None, **meta: Any) -> dict[str, Any]:
    """Return a pod of namespace ``lab`` whose only container asks for one CPU."""
    body = {"containers": [asks(cpu="1")], **(spec or {})}
    return {"metadata": {"name": "p", "namespace": "lab", **meta}, "spec": body, "status": {}}


def asks(**requests: str) -> dict[str, Any]:
    """Return a container; underscores in names stand for what Python's names cannot have."""
    return {
        "resources": {
            "requests": {key.replace("__", "/").replace("_", "."): v for key, v in requests.items()}
        }
    }


def node(name: str = "n", labels: dict[str, str] | None = None, **allocatable: str) -> dict[str, Any]:
    """Return a node; 8 CPUs, 32 GiB, 110 pods and what is given."""
    offers = {"cpu": "8", "memory": "32Gi", "pods": "110", **allocatable}
    return {"metadata": {"name": name, "labels": labels or {}}, "spec": {}, "status": {"allocatable": offers}}


def job(pod: dict[str, Any], world: World | None = None) -> hal.Job:
    made, dropped = job_of(pod, world)
    assert made is not None, dropped
    return made


def held(pod: dict[str, Any], world: World | None = None) -> str:
    made, dropped = job_of(pod, world)
    assert made is None
    assert dropped[-1].effect == "held"
    return str(dropped[-1])
