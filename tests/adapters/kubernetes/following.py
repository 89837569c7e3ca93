"""Following a loop on a real API server until something is so."""

from __future__ import annotations

import time
from collections.abc import Callable

from hal.adapters.loop import Loop

from tests.adapters.kubernetes.cluster import KubernetesCluster
from tests.waiting import PATIENCE

__all__ = ["hurried", "settle", "terminating"]


def settle(loop: Loop, done: Callable[[], bool]) -> None:
    """Follow and step until something is so."""
    end = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < end, "not in time"
        loop.follow(0.2)
        loop.step()


def hurried() -> float:
    """Return a clock on which what is put off comes at once: tests wait for the server, not for patience."""
    return time.monotonic() * 100


def terminating(cluster: KubernetesCluster) -> list[str]:
    """Return the pods that were told to end, and hold their node until a kubelet says that they have."""
    return sorted(name for name, pod in cluster.pods().items() if pod["metadata"].get("deletionTimestamp"))
