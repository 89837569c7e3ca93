"""The columns that the simulator reads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hal._columns import check_column
from hal._doors import must_be, number
from hal._show import counted, show
from hal.cluster import Cluster
from hal.errors import InvalidModel
from hal.job_columns import JobColumns

__all__ = ["Arrivals"]

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Arrivals:
    """Jobs by time of arrival.

    Parameters
    ----------
    time : (n,) float64, seconds
        0 or more, never falling.
    duration : (n,) float64, seconds
        How long each job runs where nothing slows it down.
    jobs : JobColumns
        What each asks for: shape and number of tasks.
    user : (n,) int32, optional
        Whose it is, for fairness. Default: all of one user.
    name : str
        For tables and plots.

    Raises
    ------
    InvalidModel
        A column has another length or dtype, or a time is out of range.
    """

    time: F64
    duration: F64
    jobs: JobColumns
    user: I32 | None = None
    name: str = "jobs"

    def __post_init__(self) -> None:
        if not isinstance(self.jobs, JobColumns):
            raise InvalidModel(f"jobs = {show(self.jobs)}: must be hal.JobColumns")
        size = len(self.jobs)
        for field in ("time", "duration"):
            column = getattr(self, field)
            if (
                not isinstance(column, np.ndarray)
                or column.dtype != np.float64
                or column.shape != (size,)
                or not column.flags.c_contiguous
            ):
                raise InvalidModel(f"{field}: must be a float64 array of {size} entries, one a job")
            wrong = np.flatnonzero(~(np.isfinite(column) & (column >= 0)))
            if wrong.size:
                raise InvalidModel(f"{field}[{wrong[0]}] = {column[wrong[0]]}: must be finite and 0 or more")
        falls = np.flatnonzero(np.diff(self.time) < 0)
        if falls.size:
            raise InvalidModel(f"time[{falls[0] + 1}]: lies before the one above it; sort the jobs by time")
        if self.user is not None:
            check_column("user", self.user, np.int32, size, least=-1, most=2**31 - 1)

    def __len__(self) -> int:
        return len(self.jobs)

    def __repr__(self) -> str:
        return f"Arrivals({self.name!r}, {counted(len(self), 'job')} in {self.span:.0f} s)"

    @property
    def span(self) -> float:
        """Seconds until the last arrival."""
        return float(self.time[-1]) if len(self) else 0.0

    @property
    def shape(self) -> I32:
        """(n,) int32, index of each job's shape."""
        return self.jobs.shape

    @property
    def tasks(self) -> I32:
        """(n,) int32, tasks of each job."""
        return np.ones(len(self), np.int32) if self.jobs.tasks is None else self.jobs.tasks

    def requests(self) -> NDArray[np.int64]:
        """(n, 3) int64: milli-CPU, MiB and milli-GPU that each job asks for, all of its tasks together."""
        rows = np.array([_request(shape) for shape in self.jobs.shapes], np.int64).reshape(-1, 3)
        return np.asarray(rows[self.shape] * self.tasks[:, None], np.int64)

    def load(self, cluster: Cluster, *, seconds: float | None = None) -> float:
        """Offered load: work per capacity and second of the resource asked for most.

        Parameters
        ----------
        cluster : Cluster
            Its present nodes are the capacity.
        seconds : float, optional
            Over which the jobs arrive. Default: until the last arrival.
        """
        span = self.span if seconds is None else seconds
        if not len(self) or span <= 0:
            return 0.0
        work = (self.requests() * self.duration[:, None]).sum(axis=0)
        capacity = capacity_of(cluster)
        some = capacity > 0
        return float((work[some] / capacity[some]).max() / span) if some.any() else 0.0

    def at_load(self, load: float, cluster: Cluster, *, seconds: float | None = None) -> Arrivals:
        """Return the same jobs, arriving within ``seconds`` and with durations stretched to offer ``load``.

        Arrival times and durations are each multiplied by one factor.
        """
        checked_load(load)
        span = self.span if seconds is None else seconds
        if not (span > 0 and self.span > 0):
            raise InvalidModel(f"seconds = {show(seconds)}: the arrivals need a span of time above 0")
        moved = replace(self, time=self.time * (span / self.span))
        return replace(moved, duration=self.duration * (load / moved.load(cluster, seconds=span)))


def checked_load(load: float) -> float:
    if not 0 < number(load, "load") <= 100:
        raise InvalidModel(f"load = {show(load)}: must be above 0, at most 100; 0.6 is 60 % of the cluster")
    return load


def capacity_of(cluster: Cluster) -> NDArray[np.int64]:
    """(3,) int64: milli-CPU, MiB and milli-GPU of the present nodes."""
    columns = must_be(cluster, Cluster, "cluster").columns
    here = columns.present > 0
    return np.array(
        [
            columns.capacity_cpu[here].sum(),
            columns.capacity_memory[here].sum(),
            1000 * columns.gpu_count[here].astype(np.int64).sum(),
        ],
        np.int64,
    )


def _request(shape: Any) -> tuple[int, int, int]:
    # A share asked for by memory or profile counts as a device: which one it will be is not known yet.
    cpu, memory, gpus, milli = shape.state()[:4]
    return cpu, memory, gpus * (milli or 1000)
