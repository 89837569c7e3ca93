"""Carbon intensity of electricity as a time series."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hal.errors import InvalidModel

__all__ = ["CarbonIntensity"]

F64 = NDArray[np.float64]
_JOULES = 3.6e6  # in a kWh


class CarbonIntensity:
    """Grams of CO₂ equivalent per kWh over time: each value holds from its time until the next.

    Parameters
    ----------
    times : (n,) float64, seconds
        When each value begins; rising. Before the first the first holds, after the last the last.
    grams : (n,) float64, g/kWh
        0 or more.

    Raises
    ------
    InvalidModel
        Unequal lengths, no value, times that do not rise, or a value that is negative or not finite.

    Examples
    --------
    >>> from hal.energy import CarbonIntensity
    >>> grid = CarbonIntensity([0, 3600], [400.0, 100.0])
    >>> grid.emissions(1000.0, 0, 7200)  # 1 kW for two hours
    500.0
    """

    def __init__(self, times: ArrayLike, grams: ArrayLike) -> None:
        try:
            self._times, self._grams = np.array(times, np.float64), np.array(grams, np.float64)
        except (TypeError, ValueError):
            raise InvalidModel("times, grams: must be columns of numbers") from None
        if self._times.ndim != 1 or self._times.shape != self._grams.shape or not self._times.size:
            raise InvalidModel(
                f"times, grams: have shapes {self._times.shape} and {self._grams.shape}; give one value a time"
            )
        wrong = np.flatnonzero(~(np.isfinite(self._grams) & (self._grams >= 0)))
        if wrong.size:
            raise InvalidModel(f"grams[{wrong[0]}] = {self._grams[wrong[0]]}: must be finite and 0 or more")
        wrong = np.flatnonzero(~(np.diff(self._times) > 0))
        if wrong.size or not np.isfinite(self._times).all():
            raise InvalidModel(
                f"times: must be finite and rise; see row {int(wrong[0]) + 1 if wrong.size else 0}"
            )
        # Grams per watt from the first time on, at each breakpoint.
        steps = np.diff(self._times) * self._grams[:-1]
        self._total = np.concatenate([[0.0], np.cumsum(steps)]) / _JOULES

    def at(self, time: ArrayLike) -> F64:
        """g/kWh at some times (seconds)."""
        row = np.searchsorted(self._times, np.asarray(time, np.float64), side="right") - 1
        return self._grams[np.maximum(row, 0)]

    def _until(self, time: F64) -> F64:
        row = np.maximum(np.searchsorted(self._times, time, side="right") - 1, 0)
        total: F64 = self._total[row] + (time - self._times[row]) * self._grams[row] / _JOULES
        return total

    def emissions(self, watts: ArrayLike, start: ArrayLike, end: ArrayLike) -> float:
        """Grams emitted by draws of constant power.

        Parameters
        ----------
        watts, start, end : scalars or (n,) float64
            Watts, and seconds; ``start <= end``.

        Raises
        ------
        InvalidModel
            An end lies before its start.
        """
        begins, ends = np.asarray(start, np.float64), np.asarray(end, np.float64)
        if not (begins <= ends).all():
            raise InvalidModel("end: must not lie before start")
        return float(np.sum(np.asarray(watts, np.float64) * (self._until(ends) - self._until(begins))))

    def best_start(self, seconds: float, earliest: float, latest: float) -> float:
        """When to start something of constant power so that it emits least; the earliest such time.

        Parameters
        ----------
        seconds : float
            How long it runs, 0 or more.
        earliest, latest : float
            Bounds of the start, in seconds.

        Raises
        ------
        InvalidModel
            ``seconds`` is negative, or ``latest`` lies before ``earliest``.

        Notes
        -----
        Emissions are piecewise linear in the start, so the best one is a bound, or makes the run begin or end at a
        breakpoint. O(n log n).
        """
        if not seconds >= 0 or not earliest <= latest:
            raise InvalidModel(
                f"seconds = {seconds}, earliest = {earliest}, latest = {latest}: no such window"
            )
        starts = np.concatenate([[earliest, latest], self._times, self._times - seconds])
        starts = np.unique(starts[(starts >= earliest) & (starts <= latest)])
        emitted = self._until(starts + seconds) - self._until(starts)
        least = emitted.min()
        return float(starts[np.flatnonzero(emitted <= least * (1 + 1e-12))[0]])

    def __repr__(self) -> str:
        return (
            f"CarbonIntensity({len(self._times)} values, {self._grams.min():g} … {self._grams.max():g} g/kWh)"
        )
