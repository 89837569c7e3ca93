"""Time between readings, from clocks that may jump."""

from __future__ import annotations

__all__ = ["Clock"]


class Clock:
    """Seconds from one reading to the next.

    Parameters
    ----------
    longest : float
        A longer gap counts as this many seconds: after a pause or a jump nothing is made up for at once.
    """

    __slots__ = ("last", "longest")

    def __init__(self, longest: float) -> None:
        self.longest = longest
        self.last: float | None = None

    def elapsed(self, time: float) -> float:
        """Return the seconds since the last reading: 0 at first and when the clock went back."""
        last, self.last = self.last, time
        return 0.0 if last is None else min(max(time - last, 0.0), self.longest)
