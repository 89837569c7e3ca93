"""What happened in a replay of a batch queue."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hal.errors import InvalidModel
from hal.replay.dependencies import Dependencies
from hal.replay.workload import Workload

__all__ = ["QueueRun"]


@dataclass(frozen=True, eq=False)
class QueueRun:
    """What happened in a replay. Arrays have shape ``(n_jobs,)`` and follow the workload's rows.

    Attributes
    ----------
    workload : Workload
        What was replayed.
    processors : int
        Size of the machine.
    start : ndarray of int64
        Seconds; -1 for jobs that never ran, because of what they waited for.
    entered : ndarray of int64
        When each job came into the queue, seconds: its submit time, or later when it waited for others; -1 likewise.
    promise : ndarray of int64
        First promised start in seconds, -1 where the backfill rule makes no promises.
    first_guess : ndarray of int64
        Runtime predicted at submission, seconds.
    """

    workload: Workload
    processors: int
    start: NDArray[np.int64]
    entered: NDArray[np.int64]
    promise: NDArray[np.int64]
    first_guess: NDArray[np.int64]

    @property
    def ran(self) -> NDArray[np.bool_]:
        """Which jobs ran."""
        return self.start >= 0

    def of_those_that_ran(self) -> QueueRun:
        """Return the run without the jobs that never ran."""
        if bool(self.ran.all()):
            return self
        rows = np.flatnonzero(self.ran)
        columns = ("job", "submit", "run", "procs", "requested", "user")
        kept: dict[str, Any] = {name: getattr(self.workload, name)[rows] for name in columns}
        workload = replace(
            self.workload, **kept, after=Dependencies.of(()), failed=np.empty(0, dtype=np.uint8)
        )
        answers = (column[rows] for column in (self.start, self.entered, self.promise, self.first_guess))
        return QueueRun(workload, self.processors, *answers)

    @property
    def wait(self) -> NDArray[np.int64]:
        """Seconds from entering the queue to the start; -1 for jobs that never ran."""
        return np.where(self.ran, self.start - self.entered, -1)

    @property
    def end(self) -> NDArray[np.int64]:
        """Seconds; when each job ends; -1 for jobs that never ran."""
        return np.where(self.ran, self.start + self.workload.run, -1)

    def bounded_slowdown(self, *, tau: float = 10.0) -> NDArray[np.float64]:
        """Return max(1, (wait + run) / max(run, tau)) of each job, NaN for those that never ran.

        Parameters
        ----------
        tau : float
            Seconds, above 0; shorter runs count as this long.
        """
        if not tau > 0:
            raise InvalidModel(f"tau is {tau}; give seconds above 0")
        run = self.workload.run
        slowdown: NDArray[np.float64] = np.maximum(1.0, (self.wait + run) / np.maximum(run, tau))
        return np.where(self.ran, slowdown, np.nan)

    @property
    def utilisation(self) -> float:
        """Share of the machine used from the first submission to the last end, 0 to 1."""
        if not self.ran.any():
            return 0.0
        span = int(self.end.max() - self.workload.submit.min())
        used = float(np.dot(self.workload.run.astype(np.float64), np.where(self.ran, self.workload.procs, 0)))
        return used / (span * self.processors) if span else 0.0

    def summary(self) -> dict[str, float]:
        """Return the figures of a table, over the jobs that ran; waits and makespan in seconds."""
        if not self.ran.any():
            raise InvalidModel("summary: no jobs have run")
        wait, slowdown = self.wait[self.ran], self.bounded_slowdown()[self.ran]
        return {
            "jobs": len(wait),
            "wait_mean": float(wait.mean()),
            "wait_median": float(np.median(wait)),
            "wait_p95": float(np.percentile(wait, 95)),
            "wait_max": float(wait.max()),
            "bsld_mean": float(slowdown.mean()),
            "bsld_median": float(np.median(slowdown)),
            "utilisation": self.utilisation,
            "makespan": float(self.end.max() - self.workload.submit.min()),
        }
