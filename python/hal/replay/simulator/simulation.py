"""What a simulation answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hal._show import counted
from hal.replay.arrivals import Arrivals

__all__ = ["Simulation"]

F64 = NDArray[np.float64]
_SHORT = 10.0  # seconds; shorter jobs count as so long in the bounded slowdown


@dataclass(frozen=True, eq=False)
class Simulation:
    """A simulation that has ended.

    Attributes
    ----------
    trace : dict of str to (steps,) float64
        One entry a control step, as it was at its end: ``time`` (s), ``queue`` (jobs that wait), ``pending_work``,
        ``sigma``, ``entropy``, ``drift``, ``potential``, ``fragmentation``, ``stranded``, ``blocking``,
        ``oldest_gang``, ``utilisation`` (see `hal.signals.Signals`), ``p``, ``running`` (jobs), ``asleep`` and
        ``down`` (nodes); and over the step: ``queue_peak``, ``pending_peak``, and the mean ``power_w``.
    jobs : dict of str to (n,) array
        One entry a job: ``submit``, ``start``, ``end``, ``wait``, ``slowdown`` (float64; seconds, NaN where it never
        came to be), ``node`` (int32, of the first task, -1), ``user`` (int32), ``restarts`` (int32, because of
        failures), ``infeasible`` (bool: more than the cluster can ever hold).
    rules : list of str
        The rule that the controller gave for each step's p.
    events : int
        Arrivals, starts and ends.
    energy : float
        Joules.
    """

    trace: dict[str, F64]
    jobs: dict[str, NDArray[Any]]
    rules: list[str] = field(default_factory=list)
    events: int = 0
    energy: float = 0.0

    def __repr__(self) -> str:
        return f"Simulation({counted(len(self.trace['time']), 'step')}, {counted(len(self.jobs['submit']), 'job')})"

    @cached_property
    def summary(self) -> dict[str, float]:
        """Figures of the whole run.

        ``energy_j``; ``energy_per_job`` (J a finished job); ``mean_power_w``; ``p95_queue``, ``peak_queue`` (jobs);
        ``p95_pending_work``, ``peak_pending_work`` (share of capacity); ``mean_wait``, ``p95_wait`` (s);
        ``mean_slowdown`` (bounded: response time over run time, of 10 s at least, 1 at least); ``fairness`` (Jain's
        index of the users' mean slowdowns); ``mean_sigma``, ``mean_entropy``, ``mean_potential``,
        ``mean_utilisation``, ``mean_p``; ``makespan`` (s, of the last end); ``finished``, ``infeasible``,
        ``restarts`` (jobs). NaN where there is nothing to take a mean of.
        """
        trace, jobs = self.trace, self.jobs
        ended = np.isfinite(jobs["end"])
        wait, slowdown = jobs["wait"][np.isfinite(jobs["wait"])], jobs["slowdown"][ended]
        finished = int(ended.sum())
        return {
            "energy_j": self.energy,
            "energy_per_job": self.energy / finished if finished else float("nan"),
            "mean_power_w": self.energy / float(trace["time"][-1]) if trace["time"][-1:].any() else 0.0,
            "p95_queue": _quantile(trace["queue"], 0.95),
            "peak_queue": float(trace["queue_peak"].max(initial=0)),
            "p95_pending_work": _quantile(trace["pending_work"], 0.95),
            "peak_pending_work": float(trace["pending_peak"].max(initial=0)),
            "mean_wait": _mean(wait),
            "p95_wait": _quantile(wait, 0.95),
            "mean_slowdown": _mean(slowdown),
            "fairness": _fairness(slowdown, jobs["user"][ended]),
            "mean_sigma": _mean(trace["sigma"]),
            "mean_entropy": _mean(trace["entropy"]),
            "mean_potential": _mean(trace["potential"]),
            "mean_utilisation": _mean(trace["utilisation"]),
            "mean_p": _mean(trace["p"]),
            "makespan": float(np.max(jobs["end"][ended], initial=0.0)),
            "finished": float(finished),
            "infeasible": float(jobs["infeasible"].sum()),
            "restarts": float(jobs["restarts"].sum()),
        }


def result_of(core: Any, arrivals: Arrivals, rules: list[str]) -> Simulation:
    """Collect what the core's simulator has written."""
    columns = core.jobs()
    start, end = columns["start"], columns["end"]
    submit, duration = arrivals.time, arrivals.duration
    jobs: dict[str, NDArray[Any]] = {
        "submit": submit,
        "start": start,
        "end": end,
        "wait": start - submit,
        "slowdown": np.maximum((end - submit) / np.maximum(duration, _SHORT), 1.0),
        "node": columns["node"],
        "user": np.zeros(len(arrivals), np.int32) if arrivals.user is None else arrivals.user,
        "restarts": columns["restarts"],
        "infeasible": columns["infeasible"] > 0,
    }
    return Simulation(core.trace(), jobs, rules, core.events, core.joules)


def _mean(values: F64) -> float:
    return float(values.mean()) if values.size else float("nan")


def _quantile(values: F64, q: float) -> float:
    return float(np.quantile(values, q)) if values.size else float("nan")


def _fairness(slowdown: F64, user: NDArray[np.int32]) -> float:
    if not slowdown.size:
        return float("nan")
    _, row = np.unique(user, return_inverse=True)
    means = np.bincount(row, weights=slowdown) / np.bincount(row)
    return float(means.sum() ** 2 / (means.size * np.square(means).sum()))
