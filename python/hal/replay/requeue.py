"""Jobs that go back into the queue when their time is up, and continue from their last checkpoint."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from hal.errors import InvalidModel
from hal.replay.dependencies import KINDS, Dependencies
from hal.replay.workload import Workload

__all__ = ["requeue_overruns"]

_MOST: Final = 10_000  # submissions of one job


def requeue_overruns(workload: Workload, *, checkpoint: int) -> Workload:
    """Split jobs that run beyond their request into submissions that each end at the time limit.

    A job is stopped at its limit and enters the queue again at once, with the same request, to run what it had not
    saved. A job that cannot save anything before its limit is ended there.

    Parameters
    ----------
    workload : Workload
        With runs beyond their requests, that is read with ``overrun="ignore"``.
    checkpoint : int
        Seconds between two checkpoints, counted from each start.

    Returns
    -------
    Workload
        A row a submission, in the place of the job's row and with its number; each waits for the one before. What
        waits for the start of a job waits for its first submission, what waits for its end for the last.

    Raises
    ------
    InvalidModel
        ``checkpoint`` is below 1, or a job would be submitted more than 10,000 times.

    Examples
    --------
    >>> from hal.replay import Workload, replay_queue, requeue_overruns
    >>> log = Workload.from_columns(
    ...     submit=[0], run=[250], procs=[1], requested=[100], processors=1, overrun="ignore"
    ... )
    >>> split = requeue_overruns(log, checkpoint=30)
    >>> split.run.tolist()  # 90 s of each 100 s are saved
    [100, 100, 70]
    >>> replay_queue(split).start.tolist()
    [0, 100, 200]
    """
    if checkpoint < 1:
        raise InvalidModel(f"checkpoint is {checkpoint}; give at least 1 s")
    run, limit = workload.run, workload.requested
    saved = limit // checkpoint * checkpoint
    again = (run > limit) & (saved > 0)
    more = np.zeros(len(run), dtype=np.int64)
    more[again] = -((limit[again] - run[again]) // saved[again])
    if (more >= _MOST).any():
        job = workload.job[more >= _MOST][0]
        raise InvalidModel(
            f"checkpoint: job {job} would be submitted more than {_MOST} times; save more often"
        )
    row = np.repeat(np.arange(len(run)), more + 1)
    last = np.cumsum(more + 1) - 1
    first = last - more
    parts = np.minimum(run, limit)[row]
    parts[last] = np.minimum(run - more * saved, limit)
    later = np.flatnonzero(~np.isin(np.arange(len(row)), first)).tolist()
    chain = [(at, at - 1, KINDS.index("any"), 0) for at in later]
    after, start = workload.after, KINDS.index("start")
    others = np.where(after.kind == start, first[after.other], last[after.other])
    columns = (first[after.row], others, after.kind, after.delay)
    moved = zip(*(column.tolist() for column in columns), strict=True)
    failed = np.zeros(len(row), dtype=np.uint8)
    failed[last] = workload.failed if len(workload.failed) else 0
    return replace(
        workload,
        job=workload.job[row],
        submit=workload.submit[row],
        run=parts,
        procs=workload.procs[row],
        requested=limit[row],
        user=workload.user[row],
        after=Dependencies.of([*chain, *moved]),
        failed=failed,
    )
