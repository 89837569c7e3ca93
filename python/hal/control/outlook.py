"""Outlook: how full the cluster will be, from how full it is and how fast that grows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from hal.control._checks import memory_of, number
from hal.control.clock import Clock
from hal.control.contract import Reading

__all__ = ["Outlook"]

_MEMORY: Final = ("last", "level", "slope")


class Outlook:
    """The utilisation some minutes ahead: smoothed, plus its smoothed slope times the way ahead, in [0, 1].

    When arrivals step up, the load of the nodes follows only as fast as jobs come and go; its slope steps at once.

    Parameters
    ----------
    ahead : float
        Seconds; about the mean duration of a job. 0: the smoothed utilisation itself.
    smoothing : float
        Seconds, the time constant of both filters.
    longest : float
        Seconds that a gap between readings counts as at most.

    Notes
    -----
    O(1) a reading. Source: Holt, "Forecasting seasonals and trends by exponentially weighted moving averages" (1957).

    Examples
    --------
    >>> from types import SimpleNamespace as Reading
    >>> outlook = Outlook(ahead=100, smoothing=0.1)
    >>> [round(outlook.of(Reading(time=10 * i, utilisation=0.5 + 0.01 * i)), 2) for i in range(3)]
    [0.5, 0.61, 0.62]
    """

    def __init__(self, *, ahead: float = 240.0, smoothing: float = 40.0, longest: float = 300.0) -> None:
        self._ahead = number("ahead", ahead, 0, 1e9)
        self._smoothing = number("smoothing", smoothing, 1e-3, 1e9)
        self._clock = Clock(number("longest", longest, 1e-6, 1e9))
        self._level: float | None = None
        self._slope = 0.0

    def of(self, signals: Reading) -> float:
        """Take one reading and return what is to come."""
        elapsed = self._clock.elapsed(signals.time)
        if self._level is None:
            self._level = signals.utilisation
        elif elapsed > 0:
            share = -math.expm1(-elapsed / self._smoothing)
            step = (signals.utilisation - self._level) * share
            self._level += step
            self._slope += (step / elapsed - self._slope) * share
        return min(max(self._level + self._slope * self._ahead, 0.0), 1.0)

    def state(self) -> dict[str, Any]:
        """Return both filters."""
        return {
            "controller": "outlook",
            "last": self._clock.last,
            "level": self._level,
            "slope": self._slope,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `state`."""
        memory = memory_of("outlook", state, _MEMORY)
        self._clock.last, self._level, self._slope = memory["last"], memory["level"], memory["slope"]
