"""The one contract of all controllers: signals in, p and the rule that fired out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Protocol, runtime_checkable

__all__ = ["CONTRACT", "Advice", "Controller", "Reading"]

#: Version of this contract, (major, minor): a controller of the same major works.
CONTRACT: Final = (1, 0)


class Advice(NamedTuple):
    """What a controller answers.

    Attributes
    ----------
    p : float
        From 0, pack, to 1, spread.
    rule : str
        Which rule fired; for people and traces.
    """

    p: float
    rule: str


class Reading(Protocol):
    """What controllers read: `hal.signals.Signals`, or anything with its attributes."""

    @property
    def time(self) -> float:
        """Seconds, on the clock of whoever reads."""

    @property
    def sigma(self) -> float:
        """Evenness of load, in [0, 1]."""

    @property
    def entropy(self) -> float:
        """Diversity of task classes, in [0, 1]."""

    @property
    def drift(self) -> float:
        """Growth of the pending work, in shares of the capacity a second."""

    @property
    def potential(self) -> float:
        """Combined tension, 0 or more."""

    @property
    def utilisation(self) -> float:
        """Used share, in [0, 1]."""

    @property
    def pending(self) -> int:
        """Jobs that wait."""

    @property
    def pending_work(self) -> float:
        """What waiting jobs ask for, as a share of the capacity."""

    @property
    def blocking(self) -> float:
        """Capacity that is free although work of that amount waits, in [0, 1]."""


@runtime_checkable
class Controller(Protocol):
    """A controller: anything with these; nothing to subclass.

    It is deterministic: the same settings, state and readings give the same advice. It may throw; `Loop` keeps
    the last safe p then.
    """

    @property
    def name(self) -> str:
        """Name in tables and saved states."""

    @property
    def contract(self) -> tuple[int, int]:
        """Version of the contract that it was written for."""

    def observe(self, signals: Reading, context: Any = None) -> Advice:
        """Take one reading and advise.

        Parameters
        ----------
        signals : Reading
        context : object, optional
            What else there is: ``context.cluster``, the live `hal.Cluster`, and ``context.pending``. A
            controller that needs neither ignores it.
        """

    def applied(self, p: float) -> None:
        """Hear which p holds from now on: limits or a slew rate may have changed the advised one."""

    def state(self) -> dict[str, Any]:
        """Return all that was learned so far, fit for JSON; the settings are not in it."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `state` of a controller with the same settings, as if it had never stopped."""
