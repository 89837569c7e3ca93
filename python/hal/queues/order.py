"""Who is next, and why someone waits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hal import _core
from hal._doors import listed, must_be
from hal.cluster import Cluster
from hal.errors import InvalidModel
from hal.model import Job
from hal.queues.amounts import base_amounts, human
from hal.queues.history import History
from hal.queues.tree import QueueTree
from hal.units import Quantity

__all__ = ["QueueOrder", "Wait", "order"]


@dataclass(frozen=True, slots=True)
class Wait:
    """The quota that keeps a job waiting: the lowest queue that would go over its maximum.

    Amounts are CPUs, GPUs, MiB of memory, or numbers of a named resource.

    Attributes
    ----------
    queue : str
    path : str
        The queue with those above it: ``"organisation › project"``.
    level : int
        1 for a top queue, 2 for one below it, …
    resource : str
    need : float
        Of the job.
    used : float
        By what runs, or goes first, in the queue.
    reserved : float
        Kept for queues below it that do not lend.
    maximum : float
    missing : float
        How much too little there is.
    text : str
        All of it in a line.
    """

    queue: str
    path: str
    level: int
    resource: str
    need: float
    used: float
    reserved: float
    maximum: float
    missing: float
    text: str

    def __str__(self) -> str:
        return self.text

    @classmethod
    def _of(cls, block: tuple[Any, ...]) -> Wait:
        queue, path, resource, need, used, reserved, maximum, text = block
        missing = used + reserved + need - maximum
        need, used, reserved, maximum, missing = (
            human(resource, amount)[1] for amount in (need, used, reserved, maximum, missing)
        )
        return cls(
            queue=queue,
            path=path,
            level=path.count(" › ") + 1 if path else 0,
            resource=human(resource, 0)[0],
            need=need,
            used=used,
            reserved=reserved,
            maximum=maximum,
            missing=missing,
            text=text,
        )


class QueueOrder:
    """Pending jobs in fair order.

    Attributes
    ----------
    rows : (k,) int64
        Given rows of the jobs that may start within all quotas, in order.
    borrows : (k,) bool
        Whether its queue is beyond its guarantee with the job, so that it may be asked to give back.
    waiting : (m,) int64
        Given rows of the jobs that a quota keeps waiting, in the order in which they were turned away.
    """

    def __init__(self, jobs: Sequence[Job], found: _core.QueueOrder) -> None:
        self._jobs = jobs
        self._found = found
        self.rows: NDArray[np.int64] = found.rows()
        self.borrows: NDArray[np.bool_] = found.borrows().view(np.bool_)
        self.waiting: NDArray[np.int64] = found.waiting()

    @property
    def jobs(self) -> list[Job]:
        """The jobs that may start, in order: what to hand to ``hal.place``."""
        return [self._jobs[row] for row in self.rows.tolist()]

    def why(self, job: str) -> Wait | None:
        """Why a job waits; None when no quota keeps it.

        Raises
        ------
        InvalidModel
            It was not among the jobs.
        """
        if job in self._waits:
            return Wait._of(self._found.block(self._waits[job]))
        if job not in self._names:
            raise InvalidModel(f"job = {job!r}: was not among the {len(self._jobs)} jobs ordered")
        return None

    @cached_property
    def _waits(self) -> dict[str, int]:
        return {self._jobs[row].name: index for index, row in enumerate(self.waiting.tolist())}

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(job.name for job in self._jobs)

    def __repr__(self) -> str:
        return f"QueueOrder({self.rows.size} may start, {self.waiting.size} wait)"


def order(
    tree: QueueTree,
    jobs: Iterable[Job],
    *,
    cluster: Cluster | None = None,
    capacity: Mapping[str, Quantity] | None = None,
    history: History | None = None,
    now: float | None = None,
) -> QueueOrder:
    """Put pending jobs in fair order, and say which a quota keeps waiting.

    Again and again the queue that is worst off is given its next job: among siblings first those within their
    guarantees, by the share of it in use, then the others by dominant share over weight. Within a queue jobs of
    higher priority go first, then in the given order.

    Parameters
    ----------
    tree : QueueTree
    jobs : iterable of Job
        Each names a leaf of the tree as its ``queue``.
    cluster : Cluster, optional
        What runs on it counts as used, and its capacity is what shares are measured against.
    capacity : mapping, optional
        What shares are measured against instead: ``{"cpus": 1000, "gpus": 64}``. Without either: the maxima (or
        guarantees) of the top queues.
    history : History, optional
        Past use counts beside the present.
    now : float, optional
        Seconds, on the clock of ``history``; required with it.

    Returns
    -------
    QueueOrder

    Raises
    ------
    InvalidModel
        A job names no leaf, ``now`` is missing or before recorded use, or the capacity of a resource is unknown.

    Notes
    -----
    O(jobs (log jobs + depth · (resources + log siblings)) + queues). Dominant resource fairness by progressive
    filling (Ghodsi et al., NSDI 2011), down the tree. A share of a GPU asked for by memory is not counted here,
    and is when the job is placed.

    Examples
    --------
    >>> import hal
    >>> tree = hal.QueueTree([hal.Queue("ann", maximum={"gpus": 2}), hal.Queue("bob", maximum={"gpus": 8})])
    >>> jobs = [hal.Job(f"a{i}", gpus=1, queue="ann") for i in range(3)] + [hal.Job("b", gpus=4, queue="bob")]
    >>> found = hal.queues.order(tree, jobs)
    >>> [job.name for job in found.jobs]
    ['a0', 'b', 'a1']
    >>> print(found.why("a2"))
    queue 'ann' at its maximum: needs 1 GPUs, has 2 GPUs of 2 GPUs in use; 1 GPUs missing
    """
    given = listed(jobs, Job, "jobs")
    handles = [job._handle for job in given]
    if history is not None and now is None:
        raise InvalidModel("now: is missing; with a history say at which moment to order")
    found = _core.queue_order(
        must_be(tree, QueueTree, "tree")._core,
        handles,
        None if cluster is None else must_be(cluster, Cluster, "cluster")._core,
        None if capacity is None else list(base_amounts(capacity, "capacity").items()),
        None if history is None else history._core,
        0.0 if now is None else now,
    )
    return QueueOrder(given, found)
