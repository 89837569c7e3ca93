"""What an hour of a machine costs, interruptions included."""

from __future__ import annotations

from dataclasses import dataclass

from hal.errors import InvalidModel

__all__ = ["Offer"]


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A price, and for a spot machine its discount and how often it is taken away.

    Parameters
    ----------
    hourly : float
        Currency units an hour, on demand, 0 … 1e6.
    discount : float
        Share off the price, 0 … 1.
    interruptions : float
        Expected number an hour, 0 … 3600.
    lost_hours : float
        Work that an interruption loses: what lies between two checkpoints on average, and the restart; 0 … 1000.

    Raises
    ------
    InvalidModel
        A figure is out of range.

    Notes
    -----
    An hour of useful work takes ``1 + interruptions · lost_hours`` hours, so it costs
    ``hourly · (1 − discount) · (1 + interruptions · lost_hours)``.
    """

    hourly: float
    discount: float = 0
    interruptions: float = 0
    lost_hours: float = 0

    def __post_init__(self) -> None:
        for name, most in (("hourly", 1e6), ("discount", 1), ("interruptions", 3600), ("lost_hours", 1000)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= most:
                raise InvalidModel(f"offer.{name} = {value!r}: must be from 0 to {most:g}")

    @property
    def effective(self) -> float:
        """Currency units for an hour of useful work."""
        return self.hourly * (1 - self.discount) * (1 + self.interruptions * self.lost_hours)
