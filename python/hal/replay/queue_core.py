"""The compiled queue behind a live one: in front of processors or of nodes, with the predictor that follows it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

from hal import _core
from hal._doors import whole
from hal.cluster import Cluster
from hal.errors import InvalidModel
from hal.place import resolve
from hal.policy import Policy
from hal.queues import QueueTree
from hal.replay.queue_job import QueueJob
from hal.replay.windows import NodeWindow, node_windows, processor_windows

__all__ = ["Follows", "QueueCore"]

_NAMES = ("requested", "last_two", "given")


@runtime_checkable
class Follows(Protocol):
    """What a predictor offers a live queue; times are seconds, jobs are known by name until they end."""

    def guess(self, now: int, job: str, *, requested: int, procs: int, user: str) -> tuple[int, int, int]:
        """Return for how long a job submitted now is believed to hold, may fill, and ranks, each in seconds."""

    def started(self, now: int, job: str) -> None:
        """Tell that a job has started."""

    def finished(self, now: int, job: str) -> None:
        """Tell that a job has ended."""

    def withdrawn(self, job: str) -> None:
        """Tell that a waiting job will not start."""


class QueueCore:
    """One kind of queue for `hal.replay.Queue`, whatever its machine and whatever its runtimes come from.

    Jobs are known by their numbers, in the order in which they enter, and to the predictor by their names.
    """

    def __init__(
        self,
        machine: int | Cluster,
        *,
        policy: Policy | str,
        queues: QueueTree | None,
        order: tuple[str, float, float, float],
        backfill: tuple[str, int, int, int],
        predict: str | Follows,
        correct: str,
        reservations: Iterable[tuple[int, int, int]] | Iterable[NodeWindow],
    ) -> None:
        self._predictor = predict if isinstance(predict, Follows) else None
        if self._predictor is None and predict not in _NAMES:
            raise InvalidModel(
                f"predict is {predict!r}; a live queue knows 'requested', 'last_two', 'given' and predictors"
            )
        source = predict if isinstance(predict, str) else "given"
        self._processors = None if isinstance(machine, Cluster) else machine
        self._cluster = machine if isinstance(machine, Cluster) else None
        self.core: _core.BatchQueue | _core.NodeQueue
        if isinstance(machine, Cluster):
            where = machine._core, resolve(policy, None)._core, None if queues is None else queues._core
            name, ageing, max_age, half_life = order
            windows = node_windows(reservations)
            self.core = _core.NodeQueue(
                *where, name, ageing, max_age, half_life, backfill, windows, source, correct
            )
        else:
            holds = processor_windows(reservations)
            self.core = _core.BatchQueue(whole(machine, "machine"), *order, *backfill, source, correct, holds)

    def check(self, job: QueueJob) -> None:
        """Refuse a job that could never run."""
        if isinstance(self.core, _core.NodeQueue):
            for task in job.task_names:
                self.core.check(job.on_nodes(task)._handle)
        elif job.procs > (self._processors or 0):
            raise InvalidModel(
                f"job {job.name!r}: procs is {job.procs}, wider than the machine's {self._processors}"
            )

    def submit(self, now: int, name: str, job: QueueJob, requested: int, user: int) -> None:
        """Let a task enter the queue."""
        given = (requested if job.predicted is None else job.predicted,) * 3
        if self._predictor is not None:
            given = self._predictor.guess(now, name, requested=requested, procs=job.procs, user=job.user)
        if isinstance(self.core, _core.NodeQueue):
            needs = job.on_nodes(name)._handle
            self.core.submit(now, needs, requested, job.procs, user, job.priority, *given)
        else:
            self.core.submit(now, requested, job.procs, user, job.priority, *given)

    def started(self, now: int, name: str) -> None:
        """Take note of a start that the queue has decided."""
        if self._predictor is not None:
            self._predictor.started(now, name)

    def finish(self, now: int, number: int, name: str) -> None:
        """Report an end."""
        if self._predictor is not None:
            self._predictor.finished(now, name)
        self.core.finish(now, number)

    def stop(self, now: int, number: int, name: str) -> None:
        """Take a running task off before its end; to a predictor that is one, as its contract has no other word."""
        if self._predictor is not None:
            self._predictor.finished(now, name)
        self.core.stop(now, number)

    def cancel(self, now: int, number: int, name: str) -> None:
        """Take a waiting task out."""
        if self._predictor is not None:
            self._predictor.withdrawn(name)
        self.core.cancel(now, number)

    def lose_node(self, node: str) -> None:
        """Take a node out of the cluster, whatever runs there."""
        if self._cluster is None:
            raise InvalidModel(f"node {node!r}: the queue is in front of a count of processors")
        self._cluster.remove(node, evict=True)

    def places(self, number: int) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """Return node and GPU indices of each part of a task; empty without nodes."""
        if not isinstance(self.core, _core.NodeQueue):
            return ()
        places = self.core.places(number)
        return tuple((node, tuple(i for i in range(64) if mask >> i & 1)) for node, mask in places)
