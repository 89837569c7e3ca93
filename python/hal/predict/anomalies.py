"""Jobs that run far from what was expected of them, and nodes on which jobs run slow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hal.errors import InvalidModel

__all__ = ["SlowNode", "UnusualRun", "slow_nodes", "unusual_runs"]


class UnusualRun(NamedTuple):
    """A run far from its prediction.

    Attributes
    ----------
    row : int
        Of the arrays given.
    ratio : float
        Run over prediction.
    score : float
        Robust z: how many of the usual errors it is off; above 0 longer than predicted.
    """

    row: int
    ratio: float
    score: float


class SlowNode(NamedTuple):
    """A node on which jobs run slower than like jobs elsewhere.

    Attributes
    ----------
    node : int
        As given.
    jobs : int
        Jobs compared.
    slowdown : float
        Median ratio of a job's run there to the median of its class elsewhere.
    p_value : float
        One-sided, corrected for the number of nodes tested.
    """

    node: int
    jobs: int
    slowdown: float
    p_value: float


def unusual_runs(run: ArrayLike, predicted: ArrayLike, *, limit: float = 4.0) -> list[UnusualRun]:
    """Return the runs whose ln(run / predicted) is far from the usual one, farthest first.

    Parameters
    ----------
    run, predicted : array-like, shape (n_jobs,)
        Seconds, at least 0; what is below 1 counts as 1.
    limit : float
        Robust z above which a run is unusual: distance from the median over 1.4826 times the median distance.

    Raises
    ------
    InvalidModel
        Shapes differ, or a value is negative or not finite.
    """
    ran, guess = _seconds("run", run), _seconds("predicted", predicted)
    if ran.shape != guess.shape:
        raise InvalidModel(f"run has {len(ran)} entries and predicted {len(guess)}; give one of each a job")
    if not len(ran):
        return []
    error = np.log(np.maximum(ran, 1.0) / np.maximum(guess, 1.0))
    middle = np.median(error)
    # A tenth at least: where most predictions are exact, a few per cent are no anomaly.
    spread = max(1.4826 * float(np.median(np.abs(error - middle))), 0.1)
    score = (error - middle) / spread
    rows = np.flatnonzero(np.abs(score) > limit)
    rows = rows[np.argsort(-np.abs(score[rows]), kind="stable")]
    return [UnusualRun(int(row), float(np.exp(error[row])), float(score[row])) for row in rows]


def slow_nodes(
    node: ArrayLike, job_class: ArrayLike, run: ArrayLike, *, false_alarms: float = 0.01, least: int = 5
) -> list[SlowNode]:
    """Return the nodes on which jobs run slower than jobs of their class on other nodes, surest first.

    Within each class runs are ranked, so that outliers and the shapes of distributions do not matter; a node's ranks
    are compared with what chance would give, classes added up (the rank-sum test of Wilcoxon, stratified as by van
    Elteren, with the variance corrected for ties), and p-values are corrected by Holm's method.

    Parameters
    ----------
    node, job_class : array-like of int, shape (n_jobs,)
        Where each job ran and what it is comparable with (the same user, size and request, say).
    run : array-like, shape (n_jobs,)
        Seconds, at least 0.
    false_alarms : float
        Probability, 0 to 1, that a fleet of sound nodes has any node reported.
    least : int
        Jobs a node must have run, in classes that other nodes ran too, to be tested.

    Raises
    ------
    InvalidModel
        Shapes differ, a run is negative or not finite, or a number is out of range.

    Notes
    -----
    Assumes that which node a job of a class gets has nothing to do with its length. Cost: a sort.
    Sources: van Elteren, Bull. Inst. Int. Stat. 37 (1960); Holm, Scand. J. Stat. 6 (1979).
    """
    if not 0 < false_alarms < 1:
        raise InvalidModel(f"false_alarms is {false_alarms}; give a probability between 0 and 1")
    ran = _seconds("run", run)
    nodes, classes = np.asarray(node), np.asarray(job_class)
    if nodes.shape != ran.shape or classes.shape != ran.shape:
        raise InvalidModel(f"node, job_class and run have {nodes.shape}, {classes.shape}, {ran.shape}")
    names, index = np.unique(nodes, return_inverse=True)
    surplus, variance = np.zeros(len(names)), np.zeros(len(names))
    jobs = np.zeros(len(names), dtype=np.int64)
    ratios: list[list[float]] = [[] for _ in names]
    order = np.argsort(classes, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(classes[order])) + 1):
        total = len(rows)
        present, at, own = np.unique(index[rows], return_inverse=True, return_counts=True)
        if total < 2 or len(present) < 2:
            continue
        _, tie, tied = np.unique(ran[rows], return_inverse=True, return_counts=True)
        rank = (np.cumsum(tied) - (tied - 1) / 2)[tie]  # 1 to total, means where tied
        weight = 1.0 / (total + 1)
        sums = np.bincount(at, weights=rank)
        # Σ (rank - mean)² / (total - 1) / total is the variance of one draw without replacement, ties included.
        spread = float(((rank - (total + 1) / 2) ** 2).sum()) / (total * (total - 1))
        surplus[present] += weight * (sums - own * (total + 1) / 2)
        variance[present] += weight**2 * own * (total - own) * spread
        jobs[present] += own
        length = np.maximum(ran[rows], 1.0)
        for where, which in enumerate(present):
            elsewhere = float(np.median(length[at != where]))
            ratios[which].extend((length[at == where] / elsewhere).tolist())
    tested = np.flatnonzero((jobs >= least) & (variance > 0))
    p = np.array([0.5 * math.erfc(surplus[n] / math.sqrt(2 * variance[n])) for n in tested])
    found, worst = [], 0.0
    for place, at_p in enumerate(np.argsort(p, kind="stable")):
        worst = max(worst, min(1.0, float(p[at_p]) * (len(p) - place)))
        if worst > false_alarms:
            break
        which = tested[at_p]
        found.append(SlowNode(int(names[which]), int(jobs[which]), float(np.median(ratios[which])), worst))
    return found


def _seconds(name: str, values: ArrayLike | Sequence[float]) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not np.isfinite(array).all() or (array < 0).any():
        raise InvalidModel(f"{name} must be one row of seconds, finite and at least 0")
    return array
