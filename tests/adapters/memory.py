"""An orchestrator in memory, for faults and races that a real one does not make on demand."""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Iterator, Mapping, Sequence

from hal.adapters import (
    CONTRACT,
    Applied,
    Delta,
    JobGone,
    JobQueued,
    JobStarted,
    NodeChanged,
    NodeGone,
    Outcome,
    Running,
    Snapshot,
    Stale,
)

import hal
from tests.waiting import PATIENCE


class Orchestrator:
    """Nodes, jobs and a log of what changed; every change goes through `tell`."""

    def __init__(self, nodes: int = 4, keep: int = 10_000) -> None:
        self.nodes = {f"m{i}": hal.Node(f"m{i}", cpus=8, memory="16GiB") for i in range(nodes)}
        self.waiting: dict[str, hal.Job] = {}
        self.running: dict[str, Running] = {}
        self.log: list[Delta] = []
        self.forgotten = 0
        self.keep = keep
        self.told: dict[str, str] = {}
        self.count = itertools.count()

    def tell(self, *deltas: Delta) -> None:
        """Make changes, and keep them for watchers."""
        for delta in deltas:
            match delta:
                case NodeChanged(node):
                    self.nodes[node.name] = node
                case NodeGone(name):
                    del self.nodes[name]
                    for job, running in list(self.running.items()):
                        if name in running.nodes:
                            del self.running[job]
                            self.waiting[job] = running.job
                            self.log.append(delta)
                            delta = JobQueued(running.job)
                case JobQueued(job):
                    self.running.pop(job.name, None)
                    self.waiting[job.name] = job
                case JobStarted(running):
                    self.waiting.pop(running.job.name, None)
                    self.running[running.job.name] = running
                case JobGone(name):
                    self.running.pop(name, None)
                    self.waiting.pop(name, None)
            self.log.append(delta)
        while len(self.log) > self.keep:
            del self.log[0]
            self.forgotten += 1

    def submit(self, count: int, **request: object) -> list[str]:
        """Queue jobs of one request."""
        names = [f"job{next(self.count)}" for _ in range(count)]
        asked = {"cpus": 1, "memory": "1GiB"} | request
        self.tell(*(JobQueued(hal.Job(name, **asked)) for name in names))  # type: ignore[arg-type]
        return names

    def held(self) -> dict[str, int]:
        """Node → milli-CPU that run there, counted from the jobs alone."""
        used = dict.fromkeys(self.nodes, 0)
        for running in self.running.values():
            for node in running.nodes:
                used[node] += running.job.cpu_milli
        return used


class MemoryAdapter:
    """The adapter to it. ``fault`` is called with each call's name, and may raise."""

    contract = CONTRACT
    name = "memory"

    def __init__(self, orchestrator: Orchestrator) -> None:
        self.of = orchestrator
        self.version = ""
        self.fault = lambda call: None

    def snapshot(self) -> Snapshot:
        """Read everything."""
        self.fault("snapshot")
        of = self.of
        return Snapshot(
            tuple(of.nodes.values()),
            tuple(of.running.values()),
            tuple(of.waiting.values()),
            str(of.forgotten + len(of.log)),
        )

    def watch(self, version: str, *, timeout: float) -> Iterator[Delta]:
        """Yield what was told since."""
        self.fault("watch")
        at = int(version) - self.of.forgotten
        if at < 0:
            raise Stale(f"version {version} is not kept any more")
        deltas = self.of.log[at:]
        for done, delta in enumerate(deltas, at + 1):
            self.version = str(self.of.forgotten + done)
            yield delta
        self.version = str(self.of.forgotten + at + len(deltas))
        if not deltas:
            time.sleep(min(timeout, 0.001))

    def apply(self, placements: Sequence[hal.Placement]) -> list[Applied]:
        """Carry out one by one."""
        return [self._one(placement) for placement in placements]

    def _one(self, placement: hal.Placement) -> Applied:
        of, name = self.of, placement.job
        try:
            self.fault(f"apply {name}")
        except TimeoutError as error:
            return Applied(name, Outcome.UNKNOWN, str(error))
        if name in of.running:
            same = of.running[name].nodes == placement.nodes
            return Applied(name, Outcome.ALREADY if same else Outcome.CONFLICT)
        if name not in of.waiting or not set(placement.nodes) <= set(of.nodes):
            return Applied(name, Outcome.GONE)
        job = of.waiting[name]
        used = of.held()
        for node in placement.nodes:
            used[node] += job.cpu_milli
        if any(used[node] > of.nodes[node].cpu_milli for node in placement.nodes):
            return Applied(name, Outcome.REFUSED, "over capacity")
        of.tell(JobStarted(Running(job, placement.nodes, placement.gpus)))
        return Applied(name, Outcome.APPLIED)

    def explain(self, reasons: Mapping[str, str]) -> None:
        """Keep the reasons."""
        self.fault("explain")
        self.of.told |= reasons

    def close(self) -> None:
        """Nothing is held."""


class MemoryHarness:
    """What the contract's checks do to it."""

    patience = PATIENCE

    def __init__(self) -> None:
        self.of = Orchestrator()

    def adapter(self) -> MemoryAdapter:
        """Return a new adapter."""
        return MemoryAdapter(self.of)

    def submit(self, count: int) -> list[str]:
        """Queue small jobs."""
        return self.of.submit(count)

    def withdraw(self, job: str) -> None:
        """Cancel a job."""
        self.of.tell(JobGone(job))

    def seize(self, job: str, node: str) -> bool:
        """Place it elsewhere."""
        self.of.tell(JobStarted(Running(self.of.waiting[job], (node,))))
        return True

    def where(self, job: str) -> Sequence[str]:
        """Nodes it was given."""
        return self.of.running[job].nodes if job in self.of.running else ()

    def close_node(self, node: str, closed: bool) -> None:
        """Cordon a node, or lift that."""
        self.of.tell(NodeChanged(dataclasses.replace(self.of.nodes[node], schedulable=not closed)))
