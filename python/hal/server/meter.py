"""Energy: power added up over time."""

from __future__ import annotations

__all__ = ["Meter"]


class Meter:
    """Adds up power between two looks, as if it had gone straight from the one to the other (trapezoidal rule).

    Attributes
    ----------
    joules : float
        Since the first look.
    """

    def __init__(self) -> None:
        self.joules = 0.0
        self._last: tuple[float, float] | None = None

    def read(self, watts: float, now: float) -> None:
        """Take in the power at a time, in seconds that never go back."""
        if self._last is not None:
            before, then = self._last
            self.joules += (before + watts) / 2 * max(0.0, now - then)
        self._last = watts, now
