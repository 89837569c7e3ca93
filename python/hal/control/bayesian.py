"""Bayesian."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hal._extras import require
from hal.control._checks import interval, memory_of, number
from hal.control.contract import CONTRACT, Advice, Reading
from hal.control.cost import Cost

__all__ = ["Bayesian"]

F64 = NDArray[np.float64]
_GRID: Final = np.linspace(0, 1, 65)  # p as fine as the simulator tells apart
_LENGTHS: Final = (0.15, 0.3, 0.6)
_BOLD: Final = 3.0  # deviations that a better cost may hide in, over the square root of the trials
_FLAT: Final = 0.03  # of the cost: trials that differ by less may still have a slope beside them
_MEMORY: Final = ("p", "at", "trials", "begin", "sum", "count")


class Bayesian:
    """Learns online which p costs least: a Gaussian process over p, tried where it may be better.

    Each p is held for a while, and its cost averaged over the second half of it. A Gaussian process (Matérn 5/2,
    its length by marginal likelihood) over the recent trials says where the cost is low and how surely. The next p is
    that of the lowest lower confidence bound among the safe ones; unless it promises more than ``margin``, p stays at
    the best.

    Parameters
    ----------
    cost : Cost
        Measured from the signals alone. Default: without the queue, whose swings would drown what p changes.
    start : float
        First p, 0 … 1.
    limits : (float, float)
        Of p.
    hold : float
        Seconds that a p is held; some job durations.
    reach : float
        Safe: no farther than this from a p that was tried, 0.01 … 1.
    tolerance : float
        Safe: the expected cost is at most this share above the best one's.
    margin : float
        Share of the cost that must be to be won for p to move on.
    half_life : float
        Seconds in which a trial loses half of its weight (forgetting), for loads that drift.
    seed : int
        Decides in which direction the first step goes.

    Raises
    ------
    MissingExtra
        scikit-learn is not installed: ``pip install 'hal-core[control]'``.

    Notes
    -----
    O(1) a step, and O(m³) with the m = 40 most recent trials whenever a p has been held: some milliseconds.

    Source: Sui et al., "Safe Exploration for Optimization with Gaussian Processes" (2015), simplified.
    """

    name: Final = "bayesian"
    contract = CONTRACT

    def __init__(
        self,
        *,
        cost: Cost | None = None,
        start: float = 0.5,
        limits: tuple[float, float] = (0.0, 1.0),
        hold: float = 600.0,
        reach: float = 0.2,
        tolerance: float = 0.25,
        margin: float = 0.02,
        half_life: float = 14_400.0,
        seed: int = 0,
    ) -> None:
        self._gp = require("sklearn.gaussian_process", extra="control")
        self._cost = cost or Cost(queueing=0.0)
        low, high = self._limits = interval("limits", limits)
        self._p = min(max(number("start", start, 0, 1), low), high)
        self._at = self._p
        self._hold = number("hold", hold, 1e-6, 1e9)
        self._reach = number("reach", reach, 0.01, 1)
        self._tolerance = number("tolerance", tolerance, 0, 1e6)
        self._margin = number("margin", margin, 0, 1e6)
        self._half_life = number("half_life", half_life, 1e-6, 1e12)
        self._up = bool(np.random.PCG64(int(number("seed", seed, 0, 2**53))).random_raw() & 1)
        self._trials: list[tuple[float, float, float]] = []  # time, p, cost
        self._begin: float | None = None
        self._sum, self._count = 0.0, 0

    def observe(self, signals: Reading, context: Any = None) -> Advice:
        """Return the p that is tried: ``hold``, ``explore`` or ``exploit``."""
        if self._begin is None or signals.time < self._begin:
            self._begin = signals.time
        passed = signals.time - self._begin
        if 2 * passed >= self._hold:  # what ran before this p was set has mostly ended
            self._sum += self._cost.of_signals(signals)
            self._count += 1
        if passed < self._hold or not self._count:
            return Advice(self._p, "hold")
        self._trials = [*self._trials, (signals.time, self._at, self._sum / self._count)][-40:]
        self._begin, self._sum, self._count = signals.time, 0.0, 0
        self._p, rule = self._next(signals.time)
        return Advice(self._p, rule)

    def _next(self, now: float) -> tuple[float, str]:
        low, high = self._limits
        grid = np.array([p for p in _GRID if low <= p <= high])
        if not grid.size or high - low < 1e-9:
            return self._p, "exploit"
        tried = np.array([p for _, p, _ in self._trials])
        if len(set(tried.tolist())) < 2:  # nothing to compare with yet
            up, down = self._p + self._reach <= high, self._p - self._reach >= low
            step = self._reach if up and (self._up or not down) else -self._reach
            return float(min(max(self._p + step, low), high)), "explore"
        mean, deviation = self._predict(grid, now)
        near = np.abs(grid[:, None] - tried[None, :]).min(axis=1) <= self._reach
        best = int(np.argmin(np.where(near, mean, math.inf)))
        safe = near & (mean <= mean[best] + self._tolerance * abs(mean[best]))
        bold = _BOLD / math.sqrt(len(self._trials))
        hope = np.where(safe, mean - bold * deviation, math.inf)
        candidate = int(np.argmin(hope))
        if mean[best] - hope[candidate] > self._margin * abs(mean[best]):
            return float(grid[candidate]), "explore"
        # Stay where it is about as good: p settles.
        here = int(np.argmin(np.abs(grid - self._p)))
        if mean[here] - mean[best] <= self._margin * abs(mean[best]):
            return self._p, "exploit"
        return float(grid[best]), "exploit"

    def _predict(self, grid: F64, now: float) -> tuple[F64, F64]:
        time, p, cost = (np.array(column) for column in zip(*self._trials, strict=True))
        centre, scale = cost.mean(), max(float(cost.std()), _FLAT * abs(float(cost.mean())), 1e-9)
        target = (cost - centre) / scale
        # An old trial counts as a noisy one.
        noise = 0.1 * np.exp2(np.clip((now - time) / self._half_life, 0, 20))
        kernels = self._gp.kernels
        models = []
        for length in _LENGTHS:
            model = self._gp.GaussianProcessRegressor(
                kernels.Matern(length, nu=2.5), alpha=noise, optimizer=None
            )
            model.fit(p[:, None], target)
            models.append((float(model.log_marginal_likelihood_value_), -length, model))
        chosen = max(models, key=lambda entry: entry[:2])[2]
        mean, deviation = chosen.predict(grid[:, None], return_std=True)
        return mean * scale + centre, deviation * scale

    def applied(self, p: float) -> None:
        """Remember the p that is really tried."""
        self._at = p

    def state(self) -> dict[str, Any]:
        """Return the trials and the one under way."""
        return {
            "controller": self.name,
            "p": self._p,
            "at": self._at,
            "trials": [list(trial) for trial in self._trials],
            "begin": self._begin,
            "sum": self._sum,
            "count": self._count,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `state`."""
        memory = memory_of(self.name, state, _MEMORY)
        self._p, self._at, self._begin = memory["p"], memory["at"], memory["begin"]
        self._trials = [(float(t), float(p), float(c)) for t, p, c in memory["trials"]]
        self._sum, self._count = memory["sum"], memory["count"]
