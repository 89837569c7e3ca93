"""Which jobs of a log wait for which, and jobs that are put back into the queue at their time limit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from hal._show import show
from hal.errors import InvalidModel
from hal.replay.swf import SwfLog

__all__ = ["Dependencies", "feedback"]

#: When a job may follow another, in the order of the core's enumeration.
KINDS: Final = ("ok", "any", "start")
_LONGEST: Final = 2**31 - 2


@dataclass(frozen=True, eq=False)
class Dependencies:
    """Columns, one entry a dependency; rows are those of a workload.

    Attributes
    ----------
    row, other : ndarray of uint32, shape (n,)
        The job that waits, and the one it waits for.
    kind : ndarray of uint8, shape (n,)
        0: that one has ended well, 1: it has ended, 2: it has started.
    delay : ndarray of int64, shape (n,)
        Seconds after that before the job enters the queue.
    """

    row: NDArray[np.uint32]
    other: NDArray[np.uint32]
    kind: NDArray[np.uint8]
    delay: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.row)

    @classmethod
    def of(cls, entries: Iterable[tuple[int, int, int, int]]) -> Self:
        """Make columns of (row, other, kind, delay)."""
        table = np.array(list(entries), dtype=np.int64).reshape(-1, 4)
        columns = (
            np.ascontiguousarray(table[:, at], dtype=kind)
            for at, kind in enumerate((np.uint32, np.uint32, np.uint8, np.int64))
        )
        return cls(*columns)

    @classmethod
    def between(
        cls, jobs: Iterable[Sequence[Any]], numbers: NDArray[np.int64], kept: NDArray[np.int64]
    ) -> Self:
        """Make columns of ``(job, other, kind)`` or ``(job, other, kind, delay)`` by job number.

        What names a job that was left out binds nobody.

        Parameters
        ----------
        jobs : iterable of tuple
        numbers : ndarray of int64
            Of all jobs.
        kept : ndarray of int64
            Those of ``numbers``, by index, that became rows.

        Raises
        ------
        InvalidModel
            A number is unknown or given twice, a kind is unknown, a delay is negative, or jobs wait for each other
            in a circle.
        """
        entries = [_entry(index, given) for index, given in enumerate(jobs)]
        if not entries:
            return cls.of(())
        known, counts = np.unique(numbers, return_counts=True)
        if (counts > 1).any():
            raise InvalidModel(f"after: job number {known[counts > 1][0]} comes twice; give each its own")
        known_numbers = set(known.tolist())
        row_of = {int(number): row for row, number in enumerate(numbers[kept].tolist())}
        waits: defaultdict[int, list[int]] = defaultdict(list)
        for index, (job, other, _, _) in enumerate(entries):
            for number in (job, other):
                if number not in known_numbers:
                    raise InvalidModel(f"after[{index}]: there is no job {number}")
            waits[job].append(other)
        try:
            TopologicalSorter(waits).prepare()
        except CycleError as error:
            circle = " → ".join(map(str, error.args[1]))
            raise InvalidModel(f"after: jobs wait for each other in a circle: {circle}") from None
        return cls.of(
            (row_of[job], row_of[other], kind, delay)
            for job, other, kind, delay in entries
            if job in row_of and other in row_of
        )


def _entry(index: int, given: Sequence[Any]) -> tuple[int, int, int, int]:
    try:
        job, other, kind, *rest = given
        (delay,) = rest or (0,)
        entry = int(job), int(other), KINDS.index(kind), int(delay)
    except (TypeError, ValueError):
        raise InvalidModel(
            f"after[{index}] is {show(given)}; give (job, other, 'ok', 'any' or 'start'[, seconds])"
        ) from None
    if not 0 <= entry[3] <= _LONGEST:
        raise InvalidModel(f"after[{index}]: the delay is {entry[3]} s; give 0 to 2**31 - 2")
    return entry


def feedback(log: SwfLog) -> tuple[NDArray[np.int64], list[tuple[int, int, str, int]]]:
    """Return submit times, and who follows whom by the fields 17 and 18."""
    job, before = log["job"], log["preceding_job"]
    order = np.argsort(job, kind="stable")
    at = np.minimum(np.searchsorted(job, before, sorter=order), max(len(job) - 1, 0))
    rows = np.flatnonzero((before > 0) & (job[order][at] == before)) if len(job) else order
    others = order[at[rows]]
    after = list(
        zip(
            job[rows].tolist(),
            job[others].tolist(),
            ["any"] * len(rows),
            np.clip(log["think_time"][rows], 0, _LONGEST).tolist(),
            strict=True,
        )
    )
    submit = log["submit"].copy()
    while (submit[rows] > submit[others]).any():  # as often as the longest chain has links
        submit[rows] = np.minimum(submit[rows], submit[others])
    return submit, after
