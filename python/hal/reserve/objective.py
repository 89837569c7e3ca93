"""What makes one plan better than another."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hal._show import show
from hal._validate import model
from hal.errors import InvalidModel
from hal.reserve._times import Time, parse_time

__all__ = ["EnergyPrice", "Objective"]

#: Prices are whole numbers of this part of a unit.
_PART = 10_000


@model
class EnergyPrice:
    """The price of electricity over time: a plan is worth what its requests pay for energy.

    Attributes
    ----------
    steps : sequence of (time, price)
        Price of a kWh from each time to the next, in any currency, 0 … 1,000; times increase. The first also holds
        before, the last also after.

    Raises
    ------
    InvalidModel
        No steps, times that do not increase, or a price out of range.

    Examples
    --------
    >>> from hal.reserve import EnergyPrice
    >>> EnergyPrice([("0h", 0.40), ("22h", 0.10)]).cost(21 * 3600, 7200, watts=1000)
    0.5
    """

    steps: Sequence[tuple[Time, float]]

    def __post_init__(self) -> None:
        times = [parse_time(time, field=f"steps[{i}]") for i, (time, _) in enumerate(self.steps)]
        if not times or any(b <= a for a, b in itertools.pairwise(times)):
            raise InvalidModel(f"EnergyPrice: steps = {show(self.steps)}: give times that increase")
        for _, price in self.steps:
            if not 0 <= price <= 1000:
                raise InvalidModel(f"EnergyPrice: price {price}: give 0 to 1,000 a kWh")
        steps = tuple((time, price) for time, (_, price) in zip(times, self.steps, strict=True))
        object.__setattr__(self, "steps", steps)

    def cost(self, start: int, duration: int, *, watts: float) -> float:
        """Price of ``watts`` from ``start`` on for ``duration`` seconds."""
        total = self.integral(np.array([start + duration])) - self.integral(np.array([start]))
        return float(total[0]) * watts / 3.6e6 / _PART

    @property
    def times(self) -> NDArray[np.int64]:
        """Where the price changes, seconds: (n,) int64."""
        return np.array([time for time, _ in self.steps], dtype=np.int64)

    @property
    def prices(self) -> NDArray[np.int64]:
        """Price of a kWh from each time on, ten-thousandths of a unit: (n,) int64."""
        return np.array([round(price * _PART) for _, price in self.steps], dtype=np.int64)

    def integral(self, at: NDArray[np.int64]) -> NDArray[np.int64]:
        """Sum of `prices` over the seconds from the first step to each time, negative before it: (n,) int64."""
        times, price = self.times, self.prices
        passed = np.concatenate([[0], np.cumsum(price[:-1] * np.diff(times))])
        step = np.maximum(np.searchsorted(times, at, side="right") - 1, 0)
        result: NDArray[np.int64] = passed[step] + price[step] * (at - times[step])
        return result


#: ``"tardiness"``: weighted seconds after what is due; ``"makespan"``: the end of the last; or the price of energy.
Objective = Literal["tardiness", "makespan"] | EnergyPrice


def checked(objective: Any) -> Objective:
    """Refuse what is no objective."""
    if objective == "tardiness" or objective == "makespan" or isinstance(objective, EnergyPrice):
        return objective  # type: ignore[no-any-return]  # one of the three
    raise InvalidModel(f'objective = {show(objective)}: give "tardiness", "makespan" or an EnergyPrice')
