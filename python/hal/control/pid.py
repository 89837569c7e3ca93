"""Pid."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from hal.control._checks import interval, memory_of, number
from hal.control.clock import Clock
from hal.control.contract import CONTRACT, Advice, Reading
from hal.control.measures import measure_of
from hal.control.outlook import Outlook
from hal.control.relay import Gains, Relay

__all__ = ["Pid"]

_MEMORY: Final = (
    "integral",
    "filtered",
    "slope",
    "last",
    "gains",
    "relay",
    "advised",
    "ahead",
    "transfer",
    "outlook",
)


class Pid:
    """Holds a measure at a setpoint: p = rest + kp e + ki ∫ e dt + kd de/dt, e = measure - setpoint.

    By default it holds the crowding, the load of the node that an average unit of work sits on: p rises when busy
    nodes get fuller than the setpoint and falls, so that others may sleep, when they get emptier. A crowding that is
    to come counts as one that is there (feed-forward): `Outlook` tells it minutes before the nodes are full.

    Parameters
    ----------
    signal : str
        A name of `MEASURES`. The error is positive, and p rises, when it is above the setpoint.
    setpoint : float
        For the crowding: `Cost.best_level` computes the one that costs least.
    kp, ki, kd : float
        Gains, per unit of the measure, per second, and in seconds. Negative ones for a measure that p raises.
    rest : float
        p without error, 0 … 1; a good guess, such as 1 - setpoint for the crowding, saves the integral the way.
    smoothing : float
        Seconds, the time constant of the filter before everything; it is the derivative's filter too.
    ahead : float
        Seconds that the outlook looks ahead, with the crowding; 0 switches it off.
    margin : float
        How far above the setpoint the outlook must be to count, so that its noise does not move p.
    feed : float
        How many times as much as crowding that is there it counts beyond that.
    deadband : float
        Errors smaller than this count as none, so that noise does not move p.
    limits : (float, float)
        Of p. The integral stops growing where p has met them (anti-windup).
    tune : bool or Relay
        Find the gains first, by making the loop swing around ``rest``; see `Relay`. The given ones hold if that
        fails. The sign of ``kp`` says which way the measure answers.
    longest : float
        Seconds that a gap between readings counts as at most.

    Notes
    -----
    After anything else moved p, a limit, a slew rate, another controller, the integral is set so that p goes on
    from there (bumpless transfer): `applied` tells it.

    O(1) a step. Source: Åström and Murray, "Feedback Systems" (2008), chapter 10.
    """

    name: Final = "pid"
    contract = CONTRACT

    def __init__(
        self,
        *,
        signal: str = "crowding",
        setpoint: float = 0.7,
        kp: float = 1.0,
        ki: float = 0.001,
        kd: float = 0.0,
        rest: float = 0.3,
        smoothing: float = 30.0,
        ahead: float = 240.0,
        margin: float = 0.1,
        feed: float = 4.0,
        deadband: float = 0.0,
        limits: tuple[float, float] = (0.0, 1.0),
        tune: bool | Relay = False,
        longest: float = 300.0,
    ) -> None:
        self._measure = measure_of(signal)
        ahead = number("ahead", ahead, 0, 1e9)
        self._margin, self._feed = number("margin", margin, 0, 1), number("feed", feed, 0, 1e6)
        self._outlook = Outlook(ahead=ahead, longest=longest) if ahead and signal == "crowding" else None
        self._setpoint = number("setpoint", setpoint, -1e9, 1e9)
        self._gains = Gains(*(number(name, g, -1e9, 1e9) for name, g in (("kp", kp), ("ki", ki), ("kd", kd))))
        self._rest = number("rest", rest, 0, 1)
        self._smoothing = number("smoothing", smoothing, 0, 1e9)
        self._deadband = number("deadband", deadband, 0, 1e9)
        self._low, self._high = interval("limits", limits)
        self._clock = Clock(number("longest", longest, 1e-6, 1e9))
        self._sign = -1.0 if kp < 0 else 1.0
        relay = Relay(centre=self._rest) if tune is True else tune
        self._relay: Relay | None = relay if isinstance(relay, Relay) else None
        self._integral = 0.0  # in p
        self._filtered: float | None = None
        self._slope = 0.0
        self._advised: float | None = None  # until it is applied
        self._ahead = 0.0  # how far the last advice went beyond what was applied
        self._transfer: float | None = None  # p to go on from

    @property
    def gains(self) -> Gains:
        """The gains that hold now."""
        return self._gains

    def observe(self, signals: Reading, context: Any = None) -> Advice:
        """Return p and the law that gave it: ``pid``, ``pid at limit``, or ``relay`` while tuning."""
        elapsed = self._clock.elapsed(signals.time)
        error = self._measure(signals) - self._setpoint
        if self._outlook is not None:
            error = max(error, self._feed * (self._outlook.of(signals) - self._setpoint - self._margin))
        error = self._filter(error, elapsed)
        if self._relay is not None:
            p = self._relay.step(signals.time, self._sign * error)
            if not self._relay.done:
                self._advised = p
                return Advice(p, "relay")
            self._take_gains(self._relay.gains())
            self._transfer = p
        if -self._deadband < error < self._deadband:
            error = 0.0
        kp, ki, kd = self._gains
        direct = self._rest + kp * error + kd * self._slope
        if self._transfer is not None:
            self._integral, self._transfer = self._transfer - direct, None
        growth = ki * error * elapsed
        wanted = direct + self._integral + growth
        p = min(max(wanted, self._low), self._high)
        # Anti-windup: where p cannot follow, at a limit or held back, the integral may only come back.
        if growth * (wanted - p) <= 0 and growth * self._ahead <= 0:
            self._integral += growth
        self._advised = p
        return Advice(p, "pid" if p == wanted else "pid at limit")

    def _filter(self, error: float, elapsed: float) -> float:
        if self._filtered is None or self._smoothing == 0:
            before = error if self._filtered is None else self._filtered
            self._filtered = error
        else:
            before = self._filtered
            self._filtered += (error - before) * -math.expm1(-elapsed / self._smoothing)
        if elapsed > 0:
            self._slope = (self._filtered - before) / elapsed
        return self._filtered

    def _take_gains(self, gains: Gains | None) -> None:
        if gains is not None:
            self._gains = Gains(*(self._sign * gain for gain in gains))
        self._relay = None

    def applied(self, p: float) -> None:
        """Hear which p holds: one that was not advised just now is where the next advice goes on from."""
        if self._advised is None:
            self._transfer = p
            return
        self._ahead, self._advised = self._advised - p, None

    def state(self) -> dict[str, Any]:
        """Return the integral, the filter and, while it tunes, the relay."""
        return {
            "controller": self.name,
            "integral": self._integral,
            "filtered": self._filtered,
            "slope": self._slope,
            "last": self._clock.last,
            "gains": list(self._gains),
            "relay": None if self._relay is None else self._relay.state(),
            "advised": self._advised,
            "ahead": self._ahead,
            "transfer": self._transfer,
            "outlook": None if self._outlook is None else self._outlook.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `state`."""
        memory = memory_of(self.name, state, _MEMORY)
        if memory["relay"] is None:
            self._relay = None
        else:
            self._relay = self._relay or Relay(centre=self._rest)
            self._relay.restore(memory["relay"])
        if self._outlook is not None:
            self._outlook.restore(memory["outlook"])
        self._gains = Gains(*memory["gains"])
        self._integral, self._filtered = memory["integral"], memory["filtered"]
        self._slope, self._clock.last = memory["slope"], memory["last"]
        self._advised, self._ahead = memory["advised"], memory["ahead"]
        self._transfer = memory["transfer"]
