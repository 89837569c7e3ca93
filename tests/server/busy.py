"""An orchestrator at which something always happens; an adapter to it, for a server process of its own."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

from hal.adapters import CONTRACT, Delta, JobGone, JobStarted, Running

import hal
from tests.adapters.memory import MemoryAdapter, Orchestrator

__all__ = ["BusyAdapter", "QueueAdapter"]


class BusyAdapter(MemoryAdapter):
    """Each look finds new jobs, and ends old ones; its scheduler starts what hal would."""

    contract = CONTRACT
    name = "busy"

    def __init__(self, nodes: str = "40") -> None:
        super().__init__(Orchestrator(int(nodes)))
        self.kinds = itertools.cycle([{"cpus": 2}, {"cpus": 1, "memory": "6GiB"}, {"cpus": 6}, {"cpus": 100}])

    def watch(self, version: str, *, timeout: float) -> Iterator[Delta]:
        """Make things happen, then tell them."""
        of = self.of
        for _ in range(8):
            of.submit(1, **next(self.kinds))
        cluster = self.snapshot().cluster
        for placement in hal.place(cluster, list(of.waiting.values()), "spread"):
            if placement.placed:
                of.tell(JobStarted(Running(of.waiting[placement.job], placement.nodes)))
        for job in list(of.running)[:6]:
            of.tell(JobGone(job))
        for job in list(of.waiting)[200:]:
            of.tell(JobGone(job))
        return super().watch(version, timeout=timeout)


class QueueAdapter(MemoryAdapter):
    """Three jobs that fit and one that does not; of two it is said when they were submitted, of one by a fast clock."""

    contract = CONTRACT
    name = "queue"

    def __init__(self) -> None:
        super().__init__(Orchestrator(1))
        self.of.submit(3, cpus=2)
        self.of.submit(1, cpus=9)
        now = time.time()
        self.times = {"job1": now - 3600, "job2": now + 3600}

    def submitted(self, job: str) -> float | None:
        """As `hal.adapters.Submitted` has it."""
        return self.times.get(job)
