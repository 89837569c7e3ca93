"""The cluster that a server looks at: its own, or one that somebody keeps up to date."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Final, Protocol

from hal.cluster import Cluster
from hal.model import Job

__all__ = ["Live", "Own"]


class Live(Protocol):
    """A cluster that changes while it is looked at. Hold `lock` meanwhile."""

    @property
    def name(self) -> str:
        """Whose it is, ``"kubernetes"``; empty: the server's own, changed by its callers alone."""

    @property
    def lock(self) -> threading.Lock:
        """Held by whoever looks or changes."""

    @property
    def cluster(self) -> Cluster:
        """The cluster; it may be another object the next time."""

    @property
    def waiting(self) -> Mapping[str, Job]:
        """What waits, in the order of the queue."""

    @property
    def fault(self) -> str:
        """What keeps it from being up to date; empty when all is well."""

    @property
    def counts(self) -> Mapping[str, int]:
        """How often it read everything (``snapshots``), took in a change, and failed (``faults``)."""

    @property
    def silence(self) -> float:
        """Seconds since it was last known to be up to date."""

    def worded(self, job: str, reason: str) -> str:
        """Return why a job waits in the orchestrator's own terms."""


class Own:
    """A cluster that only the server's callers change; nothing waits for it to decide.

    Parameters
    ----------
    cluster : Cluster
    """

    name: Final = ""
    fault: Final = ""
    silence: Final = 0.0

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.lock = threading.Lock()
        self.waiting: Mapping[str, Job] = {}
        self.counts: Mapping[str, int] = {"snapshots": 0, "changes": 0, "faults": 0}

    def worded(self, job: str, reason: str) -> str:
        """Return a reason as it is."""
        return reason
