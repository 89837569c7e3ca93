"""Reading fields of Nomad's JSON: what is not of its type is said, never guessed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["Unsaid", "flag", "mapping", "rows", "signed", "text", "whole"]


class Unsaid(Exception):
    """Something that hal's model cannot say, or that is not what Nomad's API says it is."""

    def __init__(self, field: str, value: object) -> None:
        super().__init__(field, value)
        self.field, self.value = field, f"{value!r:.200}" if not isinstance(value, str) else value[:200]


def mapping(of: object, field: str = "") -> Mapping[str, Any]:
    """Return a field that is an object, or the value itself; null is an empty one."""
    value = _field(of, field)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise Unsaid(field, value)
    return value


def rows(of: object, field: str = "") -> list[Mapping[str, Any]]:
    """Return a field that is a list of objects; null is an empty one."""
    value = _field(of, field)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(row, Mapping) for row in value):
        raise Unsaid(field, value)
    return value


def text(of: object, field: str, default: str = "") -> str:
    """Return a field that is text; null and absent are the default."""
    value = _field(of, field)
    if value is None:
        return default
    if not isinstance(value, str):
        raise Unsaid(field, value)
    return value


def whole(of: object, field: str, default: int = 0) -> int:
    """Return a field that is a whole number from 0 on; null and absent are the default."""
    value = _field(of, field)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**62:
        raise Unsaid(field, value)
    return value


def signed(of: object, field: str, default: int = 0) -> int:
    """Return a field that is a whole number of either sign; null and absent are the default."""
    value = _field(of, field)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 2**31:
        raise Unsaid(field, value)
    return value


def flag(of: object, field: str) -> bool:
    """Return a field that is true or false; null and absent are false."""
    value = _field(of, field)
    if value is not None and not isinstance(value, bool):
        raise Unsaid(field, value)
    return bool(value)


def _field(of: object, field: str) -> Any:
    if not field:
        return of
    if not isinstance(of, Mapping):
        raise Unsaid(field, of)
    return of.get(field)
