"""Loop: keeps any controller within bounds, whatever it is told and whatever it answers."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Any, Final

from hal._show import show
from hal.control._checks import interval, memory_of, number
from hal.control.clock import Clock
from hal.control.contract import CONTRACT, Advice, Controller, Reading
from hal.errors import InvalidModel
from hal.plugins import KINDS

__all__ = ["Loop"]

_log = logging.getLogger("hal.control")

_FINITE: Final = ("time", "drift", "potential", "pending_work")
_REPEATS: Final = 3  # of one reading, until it counts as stale
_SHARES: Final = ("sigma", "entropy", "utilisation")


class Loop:
    """A controller in bounds: p stays within limits, moves no faster than the slew rate, and survives bad input.

    While a reading is missing, not finite, out of range, contradictory or stale, when its clock goes back, and when
    the controller throws or advises something that is no p, the last safe p holds. That is said once, as a warning
    of the logger ``hal.control``, and so is the recovery. A Loop is a controller itself.

    Parameters
    ----------
    controller : Controller
    limits : (float, float)
        Of p, within [0, 1].
    slew : float
        How far p may move in a minute; ``math.inf``: at once.
    start : float, optional
        p before the first good reading; the first advice slews from there. Default: the middle of the limits,
        and the first advice holds at once.
    stale : float
        Seconds that a reading may be older than ``context.now``. Without that, a reading that comes again and
        again counts as stale.
    longest : float
        Seconds that a gap between readings counts as at most: after a jump of the clock p does not leap.

    Raises
    ------
    InvalidModel
        The controller lacks a method or is of another contract, or a figure is out of range.

    Notes
    -----
    O(1), a few microseconds a step. With `longest` seconds or less between readings, p moves by at most
    slew · elapsed / 60.

    Examples
    --------
    >>> from hal.control import Loop, Static
    >>> Loop(Static(p=1), limits=(0, 0.8)).observe(None)
    Advice(p=0.4, rule='held: no signals')
    """

    name: Final = "loop"
    contract = CONTRACT

    def __init__(
        self,
        controller: Controller,
        *,
        limits: tuple[float, float] = (0.0, 1.0),
        slew: float = 0.5,
        start: float | None = None,
        stale: float = 120.0,
        longest: float = 300.0,
    ) -> None:
        if not isinstance(controller, Controller):
            raise InvalidModel(
                f"controller = {show(controller)}: must have what hal.control.Controller names"
            )
        KINDS["controller"].admit(controller, called=controller.name)
        self._controller = controller
        self._low, self._high = interval("limits", limits)
        if slew != math.inf:
            number("slew", slew, 0, 1e6)
        self._slew = slew / 60
        self._free = start is None  # the first advice may be taken at once
        middle = (self._low + self._high) / 2
        self._p = middle if start is None else min(max(number("start", start, 0, 1), self._low), self._high)
        self._stale = number("stale", stale, 0, 1e9)
        self._clock = Clock(number("longest", longest, 1e-6, 1e9))
        self._repeated = 0  # readings whose time stood still
        self._fault: str | None = None

    @property
    def p(self) -> float:
        """The p that holds."""
        return self._p

    @property
    def fault(self) -> str | None:
        """What is wrong now; None when all is well."""
        return self._fault

    def observe(self, signals: Reading | None, context: Any = None) -> Advice:
        """Take one reading and return the p that holds from now on.

        Parameters
        ----------
        signals : Reading or None
            None: they could not be read.
        context : object, optional
            For the controller. With an attribute ``now``, seconds, the age of the reading is checked against it.
        """
        fault = self._wrong(signals, context)
        if fault is None:
            assert signals is not None
            last = self._clock.last
            elapsed = self._clock.elapsed(signals.time)
            if last is not None and signals.time < last:
                fault = f"the clock went back from {last:g} to {signals.time:g} s"
            elif last == signals.time:
                self._repeated += 1
                if self._repeated < _REPEATS:
                    return Advice(self._p, "held: same reading")
                fault = f"the same reading came {self._repeated + 1} times"
            else:
                self._repeated = 0
                fault, advice = self._ask(signals, context)
                if advice is not None:
                    self._recovered()
                    return self._take(advice, elapsed)
        return self._hold(fault or "")

    def _wrong(self, signals: Reading | None, context: Any) -> str | None:
        """Say what is wrong with a reading."""
        if signals is None:
            return "no signals"
        try:
            for name in _FINITE:
                if not math.isfinite(getattr(signals, name)):
                    return f"{name} is not finite"
            for name in _SHARES:
                if not 0 <= getattr(signals, name) <= 1:
                    return f"{name} is not in [0, 1]"
            if signals.pending < 0 or signals.pending_work < 0 or signals.potential < 0:
                return "pending or potential is below 0"
            if signals.utilisation > 0 and signals.sigma == 0:
                return "there is load, but no evenness of it"
            if signals.pending == 0 and signals.pending_work > 0:
                return "work waits, but no job does"
            now = getattr(context, "now", None)
            if now is not None and now - signals.time > self._stale:
                return "the reading is stale"
        except (AttributeError, TypeError) as error:
            return f"a signal is missing ({error})"
        return None

    def _ask(self, signals: Reading, context: Any) -> tuple[str | None, Advice | None]:
        try:
            advice = self._controller.observe(signals, context)
            p = advice.p
            # A bool or a text is no p, even where it compares.
            if type(p) is bool or not 0 <= p <= 1:
                return f"advised p = {show(p)}", None
            return None, Advice(float(p), advice.rule)
        except Exception as error:  # a stranger's code: whatever it throws must not stop the loop
            return f"{type(error).__name__}: {error}", None

    def _take(self, advice: Advice, elapsed: float) -> Advice:
        wanted = min(max(advice.p, self._low), self._high)
        rule = advice.rule if wanted == advice.p else f"{advice.rule} (limit)"
        if not self._free:
            most = self._slew * elapsed
            if abs(wanted - self._p) > most:
                wanted = self._p + math.copysign(most, wanted - self._p)
                rule = f"{advice.rule} (slew)"
        self._free = False
        self._p = wanted
        return self._tell(Advice(wanted, rule))

    def _hold(self, fault: str) -> Advice:
        if self._fault is None:
            _log.warning("controller %s: %s; p stays at %.3f", self._controller.name, fault, self._p)
        self._fault = fault
        return self._tell(Advice(self._p, f"held: {fault}"))

    def _recovered(self) -> None:
        if self._fault is not None:
            _log.info("controller %s: recovered from: %s", self._controller.name, self._fault)
            self._fault = None

    def _tell(self, advice: Advice) -> Advice:
        try:
            self._controller.applied(advice.p)
        except Exception as error:  # as above
            if self._fault is None:
                _log.warning("controller %s: applied() threw %r", self._controller.name, error)
                self._fault = f"applied() threw {error!r}"
        return advice

    def applied(self, p: float) -> None:
        """Go on from the p that holds, as after a hand-over."""
        if p != self._p:
            self._p, self._free = min(max(p, self._low), self._high), False
            self._tell(Advice(self._p, ""))

    def state(self) -> dict[str, Any]:
        """Return the state of the loop and of its controller."""
        return {
            "controller": self.name,
            "p": self._p,
            "free": self._free,
            "time": self._clock.last,
            "fault": self._fault,
            "repeated": self._repeated,
            "inner": self._controller.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `state`."""
        memory = memory_of(self.name, state, ("p", "free", "time", "fault", "repeated", "inner"))
        p = number("state of 'loop': p", memory["p"], self._low, self._high)
        self._controller.restore(memory["inner"])
        self._p, self._free, self._clock.last = p, bool(memory["free"]), memory["time"]
        self._fault, self._repeated = memory["fault"], int(memory["repeated"])
