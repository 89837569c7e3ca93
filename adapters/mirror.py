"""A live cluster that follows an orchestrator by its deltas, without reading everything again."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from hal.adapters.contract import (
    Delta,
    Dropped,
    JobGone,
    JobQueued,
    JobStarted,
    NodeChanged,
    NodeGone,
    Outcome,
    Running,
    Snapshot,
    book,
)

import hal

__all__ = ["Look", "Mirror", "differences"]

log = logging.getLogger("hal.mirror")


@dataclass
class Look:
    """What an orchestrator had at one moment, by name: nodes, jobs that hold resources, jobs that wait for hal.

    And, as ``dropped``, what it said that the model cannot.
    """

    nodes: dict[str, hal.Node] = field(default_factory=dict)
    running: dict[str, Running] = field(default_factory=dict)
    waiting: dict[str, hal.Job] = field(default_factory=dict)
    dropped: tuple[Dropped, ...] = ()

    @classmethod
    def of(
        cls,
        nodes: Iterable[hal.Node],
        running: Iterable[Running],
        jobs: Iterable[hal.Job] = (),
        dropped: Iterable[Dropped] = (),
    ) -> Look:
        """Return the look at these."""
        return Look(
            {node.name: node for node in nodes},
            {each.job.name: each for each in running},
            {job.name: job for job in jobs},
            tuple(dropped),
        )

    def answered(self, placement: hal.Placement, outcome: Outcome) -> None:
        """Note what whoever asked is told, and takes for true: a job that waits all the same is a difference then.

        For orchestrators whose next answer has what was done already; where it comes later, there is no need.
        """
        if not (outcome.holds or outcome is Outcome.GONE):
            return
        job = self.waiting.pop(placement.job, None)
        if job is not None and outcome.holds:
            self.running[job.name] = Running(job, placement.nodes, placement.gpus, placement.roles)


def differences(before: Look, after: Look) -> Iterator[Delta]:
    """Yield what leads from one look to the next, for adapters that can only look again.

    Ends come first, so that what they held is free for the rest.
    """
    for name in (*before.running, *before.waiting):
        if name not in after.running and name not in after.waiting:
            yield JobGone(name)
    for name, job in after.waiting.items():
        if before.waiting.get(name) != job:
            yield JobQueued(job)
    for name in before.nodes:
        if name not in after.nodes:
            yield NodeGone(name)
    for name, node in after.nodes.items():
        known = before.nodes.get(name)
        if known is not node and known != node:
            yield NodeChanged(node)
    for name, running in after.running.items():
        if before.running.get(name) != running:
            yield JobStarted(running)
    known_before = frozenset(before.dropped)
    yield from (item for item in after.dropped if item not in known_before)


_REMEMBERED = 10_000


class Mirror:
    """What the orchestrator has, in hal's model.

    Deltas state what is: following one twice, or one that the snapshot knew, changes nothing.

    Parameters
    ----------
    snapshot : Snapshot
        Its cluster becomes this mirror's.

    Attributes
    ----------
    cluster : Cluster
    waiting : dict of str to Job
        In the order of the queue.
    running : dict of str to Running
    dropped : list of Dropped
        What could not be said in the model, oldest first; the last 10,000. Each is logged.
    held : dict of str to Dropped
        Jobs that are not placed because of it.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.cluster, lies = snapshot.built
        self.waiting = {job.name: job for job in snapshot.jobs}
        self.running = {running.job.name: running for running in snapshot.running}
        self.dropped: list[Dropped] = []
        self.held: dict[str, Dropped] = {}
        self._note((*snapshot.dropped, *lies))
        self._open = {node.name: node.schedulable for node in snapshot.nodes}  # as the orchestrator has it
        self._closed: set[str] = set()  # nodes cordoned here, because what is said to run there does not fit
        self._unbooked = {name for name in self.running if not self.cluster.runs(name)}
        self._close(self._unbooked)

    def follow(self, deltas: Iterable[Delta]) -> int:
        """Take in changes; returns how many."""
        count = 0
        for delta in deltas:
            self._one(delta)
            count += 1
        if count and self._closed:
            self._again()
        return count

    def started(self, running: Running) -> None:
        """Enter a job that holds resources now, wherever it was before."""
        name = running.job.name
        self.waiting.pop(name, None)
        self.held.pop(name, None)
        if self.running.get(name) == running:
            return
        self._forget(name)
        self.running[name] = running
        self._book(running)

    def _one(self, delta: Delta) -> None:
        match delta:
            case NodeChanged(node):
                self._node(node)
            case NodeGone(name):
                if name in self.cluster:
                    for job in self.cluster.remove(name, evict=True):
                        self._lost(job)
            case JobQueued(job):
                self._forget(job.name)
                self.held.pop(job.name, None)
                self.waiting[job.name] = job
            case JobStarted(running):
                self.started(running)
            case JobGone(name):
                self._forget(name)
                self.held.pop(name, None)
                self.waiting.pop(name, None)
            case Dropped():
                self._note((delta,))

    def _node(self, node: hal.Node) -> None:
        self._open[node.name] = node.schedulable
        if node.name not in self.cluster:
            self.cluster.add(node)
            # What is said to run here may have been told before the node was.
            for running in [r for r in self.running.values() if node.name in r.nodes]:
                if not self.cluster.runs(running.job.name):
                    self._book(running)
            return
        try:
            self.cluster.update(node)
        except hal.InvalidModel as error:  # less than what runs there, for as long as it does
            self.cluster.cordon(node.name)
            self._note((Dropped(f"node {node.name}", "capacity", str(error), "unschedulable"),))

    def _book(self, running: Running) -> None:
        lies = book(self.cluster, running)
        self._note(lies)
        if lies:
            self._unbooked.add(running.job.name)
            self._close(self._unbooked)

    def _note(self, items: Iterable[Dropped]) -> None:
        for item in items:
            self.dropped.append(item)
            if item.job:
                self.held[item.job] = item
            log.info(
                "waits" if item.effect == "waits" else "cannot be expressed", extra={"dropped": str(item)}
            )
        del self.dropped[:-_REMEMBERED]

    def _close(self, unbooked: set[str]) -> None:
        self._closed |= {node for name in unbooked for node in self.running[name].nodes}

    def _again(self) -> None:
        """Try what did not fit before: what held its place may have been told to leave since."""
        for node in self._closed:
            if node in self.cluster:
                self.cluster.cordon(node, cordoned=not self._open.get(node, True))
        waiting, self._unbooked, self._closed = self._unbooked, set(), set()
        for name in sorted(waiting):
            if name in self.running and not self.cluster.runs(name):
                running = self.running[name]
                if book(self.cluster, running):
                    self._unbooked.add(name)
        self._close(self._unbooked)

    def _forget(self, name: str) -> None:
        self._unbooked.discard(name)
        if self.running.pop(name, None) is not None and self.cluster.runs(name):
            self.cluster.release(name)

    def _lost(self, job: str) -> None:
        """Forget a job that lost a task with its node: what the orchestrator does with it comes as a delta."""
        self._forget(job)
