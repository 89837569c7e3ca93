"""Predictions without a model: functions of a row of features, each at most the request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hal.predict.features import ANCHOR, REQUEST, Rows, column

__all__ = ["BASELINES", "Baseline"]

#: Rows → ln seconds, float64, shape (n_jobs,).
Baseline = Callable[[Rows], NDArray[np.float64]]

_LAST: Final = column("user_last")
_BEFORE: Final = column("user_last_but_one")
_MEDIAN: Final = column("user_median")
_COUNT: Final = column("user_count")
_TWO: Final = float(np.log1p(np.float32(1.5)))  # between the marks of one and of two jobs


def _request(rows: Rows) -> NDArray[np.float64]:
    return rows[:, REQUEST].astype(np.float64)


def _last_two(rows: Rows) -> NDArray[np.float64]:
    anchor = rows[:, ANCHOR].astype(np.float64)
    last, before = np.exp(anchor + rows[:, _LAST]), np.exp(anchor + rows[:, _BEFORE])
    mean: NDArray[np.float64] = np.log(np.maximum(1.0, (last + before) / 2))
    return np.where(rows[:, _COUNT] < _TWO, rows[:, REQUEST], mean)


def _user_median(rows: Rows) -> NDArray[np.float64]:
    return rows[:, ANCHOR].astype(np.float64) + rows[:, _MEDIAN]


def _similar(rows: Rows) -> NDArray[np.float64]:
    return rows[:, ANCHOR].astype(np.float64)


#: ``"request"``; ``"last_two"``, the mean of the user's last two runs (Tsafrir), each at most the request;
#: ``"user_median"``, the median of the user's last 16; ``"similar"``, the runtime that most of the user's last 96 runs
#: resemble, those in like circumstances before others (recent_runs.h in the core).
BASELINES: Final[dict[str, Baseline]] = {
    "request": _request,
    "last_two": _last_two,
    "user_median": _user_median,
    "similar": _similar,
}
