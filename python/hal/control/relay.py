"""Relay: finds the gains of a PID by making the loop swing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from hal.control._checks import memory_of, number

__all__ = ["Gains", "Relay"]


class Gains(NamedTuple):
    """Gains of a PID in parallel form; per unit, per second, seconds."""

    kp: float
    ki: float
    kd: float


class Relay:
    """Switches p between two values whenever the error changes sign, and measures the swing.

    The amplitude a and period T of the swing give the ultimate gain K = 4 d / (π √(a² - h²)), d the relay's
    amplitude and h its hysteresis; the gains are K/3.2, K/(3.2 · 2.2 T) and K T/(3.2 · 6.3).

    Source: Åström and Hägglund, "Automatic tuning of simple regulators" (1984); Tyreus and Luyben (1992), whose
    gains are gentler than Ziegler and Nichols'.

    Parameters
    ----------
    centre, amplitude : float
        p is centre ± amplitude.
    hysteresis : float
        Error beyond which it switches; above the noise.
    cycles : int
        Full swings that are averaged, after a first that is not counted.
    patience : float
        Seconds after which it gives up: then there are no gains.
    """

    FIELDS: Final = ("high", "switches", "peaks", "extreme", "begin", "failed")

    def __init__(
        self,
        *,
        centre: float,
        amplitude: float = 0.15,
        hysteresis: float = 0.02,
        cycles: int = 3,
        patience: float = 14_400,
    ) -> None:
        self.centre = number("centre", centre, 0, 1)
        self.amplitude = number("amplitude", amplitude, 0.001, 1)
        self.hysteresis = number("hysteresis", hysteresis, 0, 1e6)
        self.cycles = int(number("cycles", cycles, 1, 1000))
        self.patience = number("patience", patience, 1, 1e9)
        self.high = True
        self.switches: list[float] = []  # times
        self.peaks: list[float] = []  # largest error of each half swing, by amount
        self.extreme = 0.0
        self.begin: float | None = None
        self.failed = False

    @property
    def done(self) -> bool:
        """Whether it has seen enough, or has given up."""
        return self.failed or len(self.switches) > 2 * (self.cycles + 1)

    def step(self, time: float, error: float) -> float:
        """Return the p to try next."""
        if self.begin is None:
            self.begin, self.high = time, error > 0
        if time - self.begin > self.patience:
            self.failed = True
        turn = error < -self.hysteresis if self.high else error > self.hysteresis
        if turn:
            self.high = not self.high
            self.switches.append(time)
            self.peaks.append(abs(self.extreme))
            self.extreme = error
        elif abs(error) > abs(self.extreme):
            self.extreme = error
        return min(max(self.centre + (self.amplitude if self.high else -self.amplitude), 0.0), 1.0)

    def gains(self) -> Gains | None:
        """Gains for what was seen; None when it never swung."""
        swings = self.switches[2:]  # the first whole swing starts from wherever the loop was
        if self.failed or len(swings) < 3:
            return None
        period = 2 * (swings[-1] - swings[0]) / (len(swings) - 1)
        size = sum(self.peaks[3:]) / len(self.peaks[3:])
        swing = math.sqrt(max(size**2 - self.hysteresis**2, 1e-12))
        if period <= 0:
            return None
        ultimate = 4 * self.amplitude / (math.pi * swing)
        kp = ultimate / 3.2
        return Gains(kp, kp / (2.2 * period), kp * period / 6.3)

    def state(self) -> dict[str, Any]:
        """Return what was seen so far."""
        return {"controller": "relay", **{name: getattr(self, name) for name in self.FIELDS}} | {
            "switches": list(self.switches),
            "peaks": list(self.peaks),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `state`."""
        for name, value in memory_of("relay", state, self.FIELDS).items():
            setattr(self, name, list(value) if isinstance(value, list) else value)
