"""What a level of load costs: power for each unit of work, and time lost in crowds and queues."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hal.control._checks import number
from hal.control.contract import Reading

__all__ = ["Cost"]


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Cost of running a cluster, without unit; smaller is better.

    With load u of a node, speed s(u) = 1 / (1 + strength u^exponent), and power w(u) = idle + (1 - idle) u, or
    ``asleep`` where it is empty, all as shares of a full node's, the cost is::

        sum(w) / sum(u s(u))  +  slowness · (sum(u) / sum(u s(u)) - 1)  +  queueing · pending work

    that is power for each unit of work done, how much longer the mean task takes, and what waits.

    Parameters
    ----------
    idle : float
        Power of an empty node that is awake, over that of a full one, 0 … 1. Default 0.5: Barroso and Hölzle,
        "The Case for Energy-Proportional Computing" (2007).
    asleep : float
        The same of a node that sleeps; as ``idle`` where nodes never do.
    strength, exponent : float
        Of the slowing by crowds; 0 switches it off.
    slowness, queueing : float
        Weights, 0 … 1e6; the first weighs time against power.
    """

    idle: float = 0.5
    asleep: float = 0.05
    strength: float = 0.5
    exponent: float = 2.0
    slowness: float = 0.5
    queueing: float = 1.0

    def __post_init__(self) -> None:
        for name, most in (
            ("idle", 1),
            ("asleep", 1),
            ("strength", 100),
            ("slowness", 1e6),
            ("queueing", 1e6),
        ):
            number(name, getattr(self, name), 0, most)
        number("exponent", self.exponent, 0.1, 10)

    def of_signals(self, signals: Reading) -> float:
        """Cost seen from signals alone, O(1).

        The sigma-th part of the nodes is taken to carry all load, evenly, and the others to sleep.
        """
        used, awake = signals.utilisation, signals.sigma
        if used <= 0 or awake <= 0:
            return self.queueing * signals.pending_work
        slower = 1 + self.strength * float(min(used / awake, 1.0) ** self.exponent)
        watts = awake * self.idle + (1 - self.idle) * used + (1 - awake) * self.asleep
        return watts * slower / used + self.slowness * (slower - 1) + self.queueing * signals.pending_work

    def of_loads(self, load: NDArray[np.float64], *, pending_work: float = 0.0) -> float:
        """Cost of the nodes' loads, (n,) float64 in [0, 1]; O(n)."""
        used = float(load.sum())
        work = float((load / (1 + self.strength * load**self.exponent)).sum())
        watts = np.where(load > 0, self.idle + (1 - self.idle) * load, self.asleep)
        return self.of_sums(used, work, float(watts.sum()), pending_work=pending_work)

    def of_sums(self, used: float, work: float, watts: float, *, pending_work: float = 0.0) -> float:
        """Cost of the sums over nodes of u, u s(u) and w; O(1)."""
        if used <= 0:
            return self.queueing * pending_work
        return watts / work + self.slowness * (used / work - 1) + self.queueing * pending_work

    def best_level(self) -> float:
        """Return the load of busy nodes that costs least while there are nodes to spare, in hundredths."""
        level = np.arange(1, 101) / 100
        slower = 1 + self.strength * level**self.exponent
        # A node at this level instead of none: what others sleep through is saved.
        watts = (self.idle - self.asleep) / level + (1 - self.idle)
        return float(level[int(np.argmin(watts * slower + self.slowness * (slower - 1)))])
