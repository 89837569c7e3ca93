"""A live cluster's signals."""

from __future__ import annotations

from collections.abc import Iterable

from hal import _core
from hal._doors import listed, must_be, texts
from hal._show import show
from hal.cluster import Cluster
from hal.errors import InvalidModel
from hal.model import Job
from hal.signals.signals import Signals, Weights, clock, half_life_of
from hal.units import Quantity

__all__ = ["Monitor"]


class Monitor:
    """Follows a live cluster. What runs there it sees itself; what waits it is told.

    Parameters
    ----------
    cluster : Cluster
        Followed through every change, what-if trials included.
    weights : Weights, optional
        Of the potential.
    half_life : str or float
        Of the drift's smoothing, in seconds.

    Raises
    ------
    InvalidModel
        The half-life or a time is not a finite number above 0, or something else is not of its type.

    Notes
    -----
    O(1) for a change of the cluster or the queue; a reading costs O(nodes changed since the last one).

    Examples
    --------
    >>> import hal
    >>> from hal.signals import Monitor
    >>> cluster = hal.Cluster([hal.Node("n1", cpus=8), hal.Node("n2", cpus=8)])
    >>> monitor = Monitor(cluster)
    >>> _ = hal.place(cluster, hal.Job("a", cpus=4), apply=True)
    >>> monitor.submitted(hal.Job("b", cpus=16), now=10)
    >>> signals = monitor.read(10)
    >>> signals.sigma, signals.utilisation, signals.pending, signals.pending_work
    (0.5, 0.25, 1, 1.0)
    """

    __slots__ = ("_monitor", "_weights")

    def __init__(
        self, cluster: Cluster, *, weights: Weights | None = None, half_life: Quantity = "5min"
    ) -> None:
        must_be(cluster, Cluster, "cluster")
        if weights is not None and not isinstance(weights, Weights):
            raise InvalidModel(f"weights = {show(weights)}: must be hal.signals.Weights")
        self._weights = weights or Weights()
        self._monitor = _core.SignalMonitor(cluster._core, self._weights._tuple(), half_life_of(half_life))

    def submitted(self, jobs: Job | Iterable[Job], *, now: float) -> None:
        """Jobs wait from now on. One that waits already is left as it is.

        Parameters
        ----------
        jobs : Job or iterable of Job
        now : float
            Seconds. A clock that goes back counts as one that stands still.
        """
        self._monitor.submitted([job._handle for job in listed(jobs, Job, "jobs")], clock(now))

    def started(self, jobs: str | Job | Iterable[str | Job], *, now: float) -> None:
        """Jobs wait no more. Jobs that are not known are ignored."""
        self._left(jobs, now)

    def finished(self, jobs: str | Job | Iterable[str | Job], *, now: float) -> None:
        """Jobs have ended, or were withdrawn before they started. Jobs that are not known are ignored."""
        self._left(jobs, now)

    def _left(self, jobs: str | Job | Iterable[str | Job], now: float) -> None:
        given = [jobs] if isinstance(jobs, (str, Job)) else list(jobs)
        names = [job.name if isinstance(job, Job) else job for job in given]
        self._monitor.left(texts("jobs", names), clock(now))

    def read(self, now: float) -> Signals:
        """Return the signals at ``now``, in seconds."""
        return Signals(*self._monitor.read(clock(now)))
