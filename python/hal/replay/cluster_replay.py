"""Replay of a workload through a batch queue whose jobs run on the nodes of a cluster."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hal import _core
from hal._doors import must_be
from hal.cluster import Cluster
from hal.errors import InvalidModel
from hal.model import Job
from hal.place import resolve
from hal.policy import Policy
from hal.queues import QueueTree
from hal.replay.dependencies import KINDS, Dependencies
from hal.replay.queue_replay import OrderFunction, Predicts, adapted, columns_of
from hal.replay.queue_run import QueueRun
from hal.replay.windows import Failure, NodeWindow, node_failures, node_windows
from hal.replay.workload import Workload

__all__ = ["ClusterRun", "replay_on_cluster"]


@dataclass(frozen=True, eq=False)
class ClusterRun(QueueRun):
    """What happened in a replay on nodes; `processors` are the whole CPUs of the cluster.

    Attributes
    ----------
    task_begin : ndarray of int64, shape (n_jobs + 1,)
        The tasks of row i are ``task_begin[i]`` … ``task_begin[i + 1]``; a job that never ran has none.
    node : ndarray of int32, shape (n_tasks,)
        Node index of each task.
    gpus : ndarray of uint64, shape (n_tasks,)
        Mask of the node's devices that each task held.
    node_names : tuple of str
        By node index.
    """

    task_begin: NDArray[np.int64]
    node: NDArray[np.int32]
    gpus: NDArray[np.uint64]
    node_names: tuple[str, ...]

    def nodes(self, row: int) -> tuple[str, ...]:
        """Return the node of each task of a job."""
        tasks = self.node[self.task_begin[row] : self.task_begin[row + 1]]
        return tuple(self.node_names[index] for index in tasks.tolist())


def replay_on_cluster(
    workload: Workload,
    cluster: Cluster,
    jobs: Sequence[Job] | None = None,
    *,
    policy: Policy | str = "best_fit",
    order: str | OrderFunction = "fcfs",
    backfill: str = "easy",
    predict: str | ArrayLike | Predicts = "requested",
    correct: str = "increments",
    priority: ArrayLike | None = None,
    ageing: float = 0.0,
    max_age: float = math.inf,
    half_life: float = 7 * 86_400,
    depth: int = 100,
    window: int = 86_400,
    resolution: int = 60,
    reservations: Iterable[NodeWindow] = (),
    failures: Iterable[Failure] = (),
    checkpoint: int | ArrayLike | None = None,
    queues: QueueTree | None = None,
) -> ClusterRun:
    """Replay a workload through a batch queue in front of nodes with cores, memory and GPUs.

    As `hal.replay.replay_queue`, but a job starts where a policy places it, if it does: `hal.place` decides.

    Parameters
    ----------
    workload : Workload
        The jobs, and which of them wait for others.
    cluster : Cluster
        What runs there stays; the cluster is left as it was.
    jobs : sequence of Job, optional
        What each row needs; names are not looked at. By default one task of 1 CPU for each of its processors, on
        any nodes.
    policy : Policy or str
        See `hal.place`.
    order, predict, correct, priority, ageing, max_age, half_life, depth, window, resolution
        See `hal.replay.replay_queue`. Orders that look at sizes go by the processors of the workload.
    backfill : str
        ``"none"``, ``"easy"``, ``"easy_sjbf"``, ``"conservative"`` or ``"slots"``. EASY finds by trial when the head
        of the queue will fit as jobs are predicted to end, and starts no job beside it that would be in its way
        then. Conservative backfill reserves for every job, at its submission, the earliest time and the places
        where the policy puts it beside what stands there throughout its run; slots plan likewise in every pass.
    reservations : iterable of (int, int, sequence of str or Job)
        Begin and end in seconds, and what jobs may not use in between: whole nodes by name, such as for maintenance,
        or what a job needs, set aside at the start of the replay where the policy places it. Needs the backfill
        ``"conservative"`` or ``"slots"``. Kept as long as no job outlives its prediction.
    failures : iterable of (str, int, int or None)
        Node, when it fails and when it is back, seconds (None: never). Jobs with a task there are stopped and enter
        the queue again at once, to run what they had not saved; what fails at a moment fails after all else that
        happens then.
    checkpoint : int or array-like of int, shape (n_jobs,), optional
        Seconds between two checkpoints of a job, counted from each start; 0, and None for all: it saves nothing.
    queues : QueueTree, optional
        No job takes its queue over a maximum.

    Returns
    -------
    ClusterRun
        `promise` is with EASY the first time for which a job was promised to start when it came to the head of the
        queue, -1 if it started at once or out of turn; it is kept as long as predictions are upper bounds, the order
        is first come, first served, and jobs have neither rules nor levels of the topology. With conservative
        backfill it is the start reserved at the submission, kept as long as predictions are upper bounds and no node
        fails. Its workload has a row for each submission: a job that was stopped has several, one after the other,
        of which each ran until it was stopped and entered when the one before was. What waits for nodes that never
        come back does not start.

    Raises
    ------
    InvalidModel
        There is not one job a row, a job would not fit if nothing else ran, or a reservation or a failure names an
        unknown node or finds no room.
    PolicyError
        An unknown name, or a policy or an order function that failed.

    Notes
    -----
    A look at the queue costs a placement for each distinct predicted end up to the head's start, one for each kind
    of job that waits, and two for each job that would run beyond the head's start. Conservative backfill and slots
    look, for each job that waits, at the ends of what runs or is reserved, up to the one at which it fits: a placement
    each, and a pass over the tasks that stand. Quotas and rules between jobs are looked at as if all that stands in a
    window stood there at once, so that such jobs may be planned later than they could start, never too early.
    """
    must_be(workload, Workload, "workload")
    must_be(cluster, Cluster, "cluster")
    if jobs is None:
        jobs = [Job("cpus", tasks=procs, cpus=1) for procs in workload.procs.tolist()]
    if len(jobs) != len(workload):
        raise InvalidModel(f"jobs: {len(jobs)} for {len(workload)} rows; give one a row")
    named = [
        dataclasses.replace(job, name=f"job {number} (row {row})")
        for row, (job, number) in enumerate(zip(jobs, workload.job.tolist(), strict=True))
    ]
    trial = cluster.fork()
    columns, source = columns_of(workload, predict, priority)
    after = workload.after
    *columns_out, run, requested, origin, begin, node, gpus = _core.replay_on_nodes(
        trial._core,
        [job._handle for job in named],
        resolve(policy, None)._core,
        None if queues is None else queues._core,
        *columns,
        adapted(order, workload) if callable(order) else order,
        ageing,
        max_age,
        half_life,
        (backfill, depth, window, resolution),
        node_windows(reservations),
        node_failures(failures),
        _intervals(checkpoint, len(workload)),
        source,
        correct,
        after.row,
        after.other,
        after.kind,
        after.delay,
        workload.failed,
    )
    size = max(1, int(cluster.columns.capacity_cpu[cluster.columns.present.view(bool)].sum()) // 1000)
    names = tuple(trial._core.name_of(index) for index in range(len(cluster.columns.present)))
    if len(origin) > len(workload):
        by_job = np.argsort(origin, kind="stable")
        workload = _with_restarts(workload, origin[by_job], run[by_job], requested[by_job])
        columns_out = [column[by_job] for column in columns_out]
        tasks = [np.arange(begin[row], begin[row + 1]) for row in by_job.tolist()]
        begin = np.cumsum([0, *map(len, tasks)], dtype=np.int64)
        node, gpus = node[np.concatenate(tasks)], gpus[np.concatenate(tasks)]
    start, entered, promise, first_guess = columns_out
    return ClusterRun(workload, size, start, entered, promise, first_guess, begin, node, gpus, names)


def _intervals(checkpoint: int | ArrayLike | None, count: int) -> NDArray[np.int64]:
    every = np.asarray(0 if checkpoint is None else checkpoint)
    if every.dtype.kind not in "iu" or every.shape not in ((), (count,)) or (every < 0).any():
        raise InvalidModel(
            f"checkpoint: give whole seconds, 0 or more, one number or one for each of {count} jobs"
        )
    return np.ascontiguousarray(np.broadcast_to(every, (count,)), dtype=np.int64)


def _with_restarts(
    workload: Workload, origin: NDArray[np.uint32], run: NDArray[np.int64], requested: NDArray[np.int64]
) -> Workload:
    """Return the workload with a row for each submission, those of a job one after the other."""
    last = np.searchsorted(origin, np.arange(len(workload)), side="right") - 1
    first = np.searchsorted(origin, np.arange(len(workload)), side="left")
    after = workload.after
    others = np.where(after.kind == KINDS.index("start"), first[after.other], last[after.other])
    moved = zip(
        first[after.row].tolist(), others.tolist(), after.kind.tolist(), after.delay.tolist(), strict=True
    )
    chain = [
        (row, row - 1, KINDS.index("any"), 0)
        for row in range(1, len(origin))
        if origin[row] == origin[row - 1]
    ]
    failed = np.zeros(len(origin), dtype=np.uint8)
    failed[last] = workload.failed if len(workload.failed) else 0
    columns = {name: getattr(workload, name)[origin] for name in ("job", "submit", "procs", "user")}
    return dataclasses.replace(
        workload,
        run=run,
        requested=requested,
        after=Dependencies.of([*chain, *moved]),
        failed=failed,
        **columns,
    )
