"""The orchestrator in memory as a stand-in that fails when told to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hal.adapters import Adapter, JobGone, JobQueued, JobStarted, NodeChanged, Running, Stale

import hal
from tests.adapters.memory import MemoryAdapter, Orchestrator


class MemoryFaults:
    """See `tests.adapters.faults.suite.Harness`."""

    reading = ("refused", "stale")
    changing = ("lost request", "lost answer")
    secret = ""

    def __init__(self) -> None:
        self.of = Orchestrator(keep=100_000)
        self._started: Counter[str] = Counter()
        self._kind, self._left = "", 0
        tell = self.of.tell

        def counting(*deltas: object) -> None:
            for delta in deltas:
                if isinstance(delta, JobStarted):
                    self._started[delta.running.job.name] += 1
            tell(*deltas)  # type: ignore[arg-type]

        self.of.tell = counting  # type: ignore[method-assign]

    def adapter(self) -> MemoryAdapter:
        adapter = MemoryAdapter(self.of)
        adapter.fault = self._fault
        return adapter

    def _fault(self, call: str) -> None:
        what, _, job = call.partition(" ")
        if not self._left or (self._kind in self.changing) != (what == "apply"):
            return
        self._left -= 1
        if self._kind == "refused":
            raise hal.AdapterError("connection refused")
        if self._kind == "stale":
            raise Stale("410 Gone") if what == "watch" else hal.AdapterError("410 Gone")
        if self._kind == "lost answer" and job in self.of.waiting:
            self.of.tell(JobStarted(Running(self.of.waiting[job], ("m3",))))
        raise TimeoutError(self._kind)

    def submit(self, count: int) -> list[str]:
        return self.of.submit(count)

    def withdraw(self, jobs: Sequence[str]) -> None:
        self.of.tell(*(JobGone(job) for job in jobs))

    def seize(self, job: str, node: str) -> None:
        self.of.tell(JobStarted(Running(self.of.waiting[job], (node,))))

    def fail(self, kind: str, times: int) -> None:
        self._kind, self._left = kind, times

    def forget(self, adapter: Adapter) -> None:
        self.of.forgotten += len(self.of.log)
        self.of.log.clear()

    def skew(self, seconds: int) -> None:
        """There are no times here."""

    def lie(self, node: str) -> None:
        huge = hal.Job("huge", cpus=64)
        self.of.tell(NodeChanged(self.of.nodes[node]), JobQueued(huge), JobStarted(Running(huge, (node,))))

    def starts(self, job: str) -> int:
        return self._started[job]

    def where(self, job: str) -> Sequence[str]:
        return self.of.running[job].nodes if job in self.of.running else ()

    def overfull(self) -> Sequence[str]:
        return [node for node, used in self.of.held().items() if used > self.of.nodes[node].cpu_milli]
