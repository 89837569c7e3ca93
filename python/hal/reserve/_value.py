"""The value of a plan in whole numbers, the same for the list scheduler, CP-SAT and the caller."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hal.reserve._problem import Problem
from hal.reserve.objective import EnergyPrice, Objective

__all__ = ["Value"]

Ints = NDArray[np.int64]


class Value:
    """An objective over the rows of a problem; `__call__` gives whole numbers, `shown` human ones."""

    def __init__(self, problem: Problem, objective: Objective, begin: int = 0) -> None:
        self.problem, self.objective, self.begin = problem, objective, begin

    @property
    def regular(self) -> bool:
        """Starting a request earlier never makes the plan worse."""
        return not isinstance(self.objective, EnergyPrice)

    def rows(self, start: Ints) -> list[int]:
        """Value of each row that starts then, for objectives that are sums; rows must all be placed."""
        p = self.problem
        if isinstance(self.objective, EnergyPrice):
            integral = self.objective.integral
            paid = integral(start + p.duration) - integral(start)
            return [int(w) * int(c) for w, c in zip(p.watts, paid, strict=True)]
        late = np.maximum(0, start + p.duration - p.due)
        return [int(w) * int(t) for w, t in zip(p.weight, late, strict=True)]

    def __call__(self, start: Ints) -> int:
        """Return the value of a complete plan; Python integers, so that nothing overflows."""
        if not len(start):
            return 0
        if self.objective == "makespan":
            return int((start + self.problem.duration).max()) - self.begin
        return sum(self.rows(start))

    def shown(self, value: float) -> float:
        """Value in weighted seconds, seconds or money."""
        return value / 3.6e10 if isinstance(self.objective, EnergyPrice) else float(value)

    def last_ends(self, best: int | None) -> Ints:
        """Latest end of each row in any plan at least as good as ``best`` (None: as any)."""
        p = self.problem
        finite = p.deadline < 2**40
        latest = [p.release.max(initial=0), p.deadline[finite].max(initial=-(2**40))]
        if isinstance(self.objective, EnergyPrice):
            latest.append(int(self.objective.times[-1]))
        # Everything one after the other from the last fixed time on: no plan need be longer.
        horizon = int(max(latest)) + int(p.duration.sum()) + 1
        last = np.minimum(p.deadline, horizon)
        if best is not None and self.objective == "makespan":
            last = np.minimum(last, self.begin + best)
        if best is not None and self.objective == "tardiness":
            paid = p.weight > 0
            allowed = p.due[paid] + best // p.weight[paid]
            last[paid] = np.minimum(last[paid], allowed)
        return last.astype(np.int64)
