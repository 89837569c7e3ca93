"""Settings and saved states checked at the door."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from hal._show import show
from hal.errors import InvalidModel

__all__ = ["interval", "memory_of", "number"]


def number(field: str, value: object, least: float, most: float) -> float:
    """Return a finite number within bounds."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
        raise InvalidModel(f"{field} = {show(value)}: must be a number from {least:g} to {most:g}")
    return float(value)


def interval(field: str, value: object) -> tuple[float, float]:
    """Return bounds of p, rising, within [0, 1]."""
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise InvalidModel(f"{field} = {show(value)}: must be two numbers such as (0, 1)")
    low, high = (number(field, bound, 0, 1) for bound in value)
    if low > high:
        raise InvalidModel(f"{field} = {show(value)}: the first must not be above the second")
    return low, high


def memory_of(name: str, state: object, fields: tuple[str, ...]) -> dict[str, Any]:
    """Return a saved state that is of this controller and whole; its numbers are finite."""
    if not isinstance(state, Mapping) or state.get("controller") != name:
        raise InvalidModel(f"state = {show(state)}: is not a state of the controller {name!r}")
    missing = [field for field in fields if field not in state]
    if missing:
        raise InvalidModel(f"state of {name!r}: lacks {', '.join(missing)}")
    for field in fields:
        if isinstance(state[field], float) and not math.isfinite(state[field]):
            raise InvalidModel(f"state of {name!r}: {field} = {state[field]}: must be finite")
    return {field: state[field] for field in fields}
