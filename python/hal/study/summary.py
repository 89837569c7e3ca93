"""Means over seeds with their 95 % confidence intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

__all__ = ["Estimate", "estimate"]

# 97.5 % quantiles of Student's t for 1 … 30 degrees of freedom.
_T: Final = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip


class Estimate(NamedTuple):
    """A mean and half the width of its 95 % confidence interval (NaN with fewer than two values)."""

    mean: float
    half: float

    def __str__(self) -> str:
        if not math.isfinite(self.mean):
            return "–"
        digits = (
            0 if abs(self.mean) >= 1000 else 1 if abs(self.mean) >= 100 else 2 if abs(self.mean) >= 10 else 3
        )
        mean = f"{self.mean:,.{digits}f}"
        return f"{mean} ± {self.half:,.{digits}f}" if math.isfinite(self.half) else mean


def estimate(values: Sequence[float]) -> Estimate:
    """Return the mean of the finite values, with Student's interval."""
    data = np.array([value for value in values if math.isfinite(value)])
    if not data.size:
        return Estimate(math.nan, math.nan)
    if data.size == 1:
        return Estimate(float(data[0]), math.nan)
    quantile = _T[data.size - 2] if data.size <= len(_T) + 1 else 1.96
    return Estimate(float(data.mean()), quantile * float(data.std(ddof=1)) / math.sqrt(data.size))
