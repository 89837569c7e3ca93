"""Static."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from hal.control._checks import memory_of, number
from hal.control.contract import CONTRACT, Advice, Reading

__all__ = ["Static"]


class Static:
    """Always the same p: what the others are compared with.

    Parameters
    ----------
    p : float
        0 … 1.

    Examples
    --------
    >>> from hal.control import Static
    >>> Static(p=0.25).observe(None)
    Advice(p=0.25, rule='static')
    """

    name: Final = "static"
    contract = CONTRACT

    def __init__(self, *, p: float = 0.5) -> None:
        self._advice = Advice(number("p", p, 0, 1), "static")

    def observe(self, signals: Reading | None, context: Any = None) -> Advice:
        """Return the p that was set."""
        return self._advice

    def applied(self, p: float) -> None:
        """Nothing to hear."""

    def state(self) -> dict[str, Any]:
        """Return a state without memory."""
        return {"controller": self.name}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Check that the state is of this controller."""
        memory_of(self.name, state, ())
