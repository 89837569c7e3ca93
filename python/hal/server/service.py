"""What a server does, without HTTP: one live cluster, one caller at a time."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hal import policies
from hal.answer import Explanation, Placement
from hal.cluster import Cluster
from hal.errors import InvalidModel, PolicyError
from hal.files import job_of
from hal.model import Job
from hal.place import place
from hal.placements import Placements
from hal.policy import Policy
from hal.signals import Monitor

__all__ = ["Service"]

#: A composition longer than this is no policy that anybody wrote by hand.
_POLICY_TEXT = 500


class Service:
    """One live cluster behind a lock.

    Parameters
    ----------
    cluster : Cluster
        Changed by `place` with ``apply`` and by `release` alone.
    policy : str
        What decides when a request names none.

    Notes
    -----
    Policies are named, never imported: a request cannot make the server load code.
    """

    def __init__(self, cluster: Cluster, *, policy: str = "best_fit") -> None:
        self.cluster, self.default = cluster, policy
        self._lock = threading.Lock()
        self._policies: dict[str, Policy] = {policy: policies.get(policy)}
        self._monitor = Monitor(cluster)
        self.ready = True

    def policy(self, text: str | None) -> Policy:
        """Return the policy of that name.

        Raises
        ------
        PolicyError
            There is none, or the text would have code loaded.
        """
        text = text or self.default
        if ":" in text or len(text) > _POLICY_TEXT:
            raise PolicyError(f"policy = {text[:40]!r}: name a policy that the server lists")
        if text not in self._policies:
            if len(self._policies) >= 256:
                self._policies = {self.default: self._policies[self.default]}
            self._policies[text] = policies.get(text)
        return self._policies[text]

    def place(
        self, jobs: Sequence[Job], policy: str | None, *, order: str | None = None, apply: bool = False
    ) -> tuple[Placements, list[Placement], float]:
        """Decide, and book if asked to; returns the answers and the seconds taken."""
        decided = self.policy(policy)
        with self._lock:
            begin = time.perf_counter()
            placements = place(self.cluster, jobs, decided, order=order, apply=apply)
            seconds = time.perf_counter() - begin
            return placements, list(placements), seconds

    def explain(self, job: Job, policy: str | None, *, top: int) -> Explanation:
        """Say where a job would go now, or why nowhere."""
        decided = self.policy(policy)
        with self._lock:
            return place(self.cluster, job, decided).explain(0, top=top)

    def release(self, jobs: Iterable[str]) -> None:
        """Give back what jobs hold, all or none."""
        with self._lock:
            self.cluster.release(list(jobs))

    def gauges(self) -> dict[str, tuple[str, float]]:
        """Name → (help, value) of everything that is read when it is scraped."""
        with self._lock:
            signals = self._monitor.read(time.monotonic())
            columns = self.cluster.columns
            present = columns.present.astype(bool)
            values: dict[str, tuple[str, float]] = {
                "nodes": ("Nodes in the cluster.", len(self.cluster)),
                "jobs_running": ("Jobs that hold resources.", len(self.cluster.jobs())),
                "cpu_capacity_cores": ("CPUs offered.", columns.capacity_cpu[present].sum() / 1000),
                "cpu_free_cores": ("CPUs free.", columns.free_cpu[present].sum() / 1000),
                "gpu_free": ("GPUs free, shares added up.", columns.gpu_total_free[present].sum() / 1000),
            }
        for name, text in _SIGNALS.items():
            value = float(getattr(signals, name))
            if math.isfinite(value):
                values[f"signal_{name}"] = text, value
        return values


_SIGNALS: Mapping[str, str] = {
    "sigma": "Coherence: how evenly load is spread, 0 to 1.",
    "entropy": "Diversity of job classes on a node, 0 to 1.",
    "drift": "Growth of pending work, share of capacity a second.",
    "potential": "Combined tension, 0 at rest.",
    "fragmentation": "Share of free GPUs that typical tasks cannot use.",
    "stranded": "Share of free capacity without its complement.",
    "utilisation": "Share of capacity in use.",
    "pending": "Jobs that wait.",
}


def jobs_of(entries: Sequence[Mapping[str, Any]]) -> list[Job]:
    """Return the jobs of a request; errors name the entry."""
    jobs: list[Job] = []
    for index, entry in enumerate(entries):
        try:
            jobs.append(job_of(entry))
        except InvalidModel as error:
            raise InvalidModel(f"jobs[{index}]: {error}") from None
    return jobs
