"""Values in error messages: short, whatever a stranger handed in."""

from __future__ import annotations

import reprlib

__all__ = ["counted", "show"]

# repr() of nested references (a YAML file of aliases) can be exponentially long; this one looks two levels deep.
_short = reprlib.Repr()
_short.maxlevel = 2
_short.maxstring = _short.maxother = 60
_short.maxlong = 40
_short.maxlist = _short.maxtuple = _short.maxdict = 4


def show(value: object) -> str:
    """Return a short ``repr``."""
    try:
        text = _short.repr(value)
    except ValueError:  # an integer with more digits than Python agrees to print
        return "a huge integer"
    return text if len(text) <= 120 else text[:117] + "..."


def counted(count: int, one: str, many: str = "") -> str:
    """Return how many of what: ``1 job``, ``1,000 jobs``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
