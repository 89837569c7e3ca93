"""The statistics of a fair comparison: intervals of means, a paired test, a correction for many tests."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

__all__ = ["holm", "interval", "t_quantile", "wilcoxon"]

#: Differences up to which the signed-rank test counts all signs.
EXACT: Final = 60


def interval(values: Sequence[float], *, level: float = 0.95) -> tuple[float, float, float]:
    """Mean and its confidence interval by Student's t: (mean, low, high); NaN bounds for one value.

    Examples
    --------
    >>> [round(x, 3) for x in interval([1.0, 2.0, 3.0])]
    [2.0, -0.484, 4.484]
    """
    column = np.asarray(values, dtype=np.float64)
    mean = float(column.mean())
    if column.size < 2:
        return mean, math.nan, math.nan
    half = t_quantile(0.5 + level / 2, column.size - 1) * float(column.std(ddof=1)) / math.sqrt(column.size)
    return mean, mean - half, mean + half


def t_quantile(probability: float, freedom: int) -> float:
    """Quantile of Student's t for a probability in (0.5, 1), by bisection of its distribution function."""
    low, high = 0.0, 1.0
    while _t_below(high, freedom) < probability:
        high *= 2
    for _ in range(80):
        middle = (low + high) / 2
        if _t_below(middle, freedom) < probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _t_below(t: float, freedom: int) -> float:
    """P(T <= t) for t >= 0, in closed form for whole degrees of freedom (Abramowitz and Stegun 26.7.3-4)."""
    theta = math.atan(t / math.sqrt(freedom))
    cosine = math.cos(theta) ** 2
    term = math.cos(theta) if freedom % 2 else 1.0
    total = term if freedom > 1 or not freedom % 2 else 0.0
    for k in range(3 if freedom % 2 else 2, freedom - 1, 2):
        term *= cosine * (k - 1) / k
        total += term
    inside = 2 / math.pi * (theta + math.sin(theta) * total) if freedom % 2 else math.sin(theta) * total
    return 0.5 + inside / 2


def wilcoxon(differences: Sequence[float]) -> float:
    """Two-sided p of Wilcoxon's signed-rank test that paired differences centre on 0; 1 when all are 0.

    Zeros are dropped, ties share their ranks. Exact to 60 differences, normal with a correction beyond.

    Examples
    --------
    >>> wilcoxon([1.0, 2.0, 3.0, 4.0, 5.0])
    0.0625
    """
    column = np.array([value for value in differences if value != 0], dtype=np.float64)
    n = column.size
    if n == 0:
        return 1.0
    # Twice the ranks are whole numbers, also where ties share them.
    sizes = np.abs(column)
    doubled = np.array([int((sizes < size).sum() * 2 + (sizes == size).sum() + 1) for size in sizes])
    positive, total = int(doubled[column > 0].sum()), int(doubled.sum())
    small = min(positive, total - positive)
    if n > EXACT:
        spread = math.sqrt(float((doubled.astype(np.float64) ** 2).sum()) / 4)
        return min(1.0, math.erfc(max(total / 2 - small - 1, 0) / spread / math.sqrt(2)))
    ways = np.zeros(total + 1, dtype=np.float64)
    ways[0] = 1
    for rank in doubled.tolist():
        ways[rank:] = ways[rank:] + ways[: total + 1 - rank]
    return min(1.0, 2 * float(ways[: small + 1].sum()) / 2.0**n)


def holm(probabilities: Sequence[float]) -> list[float]:
    """Adjust p values of several tests, by Holm's method: the chance of one false alarm among all stays what it was.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(probabilities)), key=lambda at: probabilities[at])
    out = [0.0] * len(probabilities)
    least = 0.0
    for step, at in enumerate(order):
        least = max(least, min(1.0, (len(order) - step) * probabilities[at]))
        out[at] = least
    return out
