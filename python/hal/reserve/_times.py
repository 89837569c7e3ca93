"""Times and durations as people write them, in whole seconds."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from hal._show import show
from hal.errors import InvalidModel

__all__ = ["Duration", "Time", "optional_time", "parse_duration", "parse_time", "parse_window", "show_time"]

#: Seconds, or text such as ``"2h"`` and ``"1d12h"``; rounded up to whole seconds.
Duration = int | float | str
#: Seconds since any epoch, ISO 8601 text (UTC unless it says otherwise), a datetime, or a duration after 0.
Time = int | float | str | datetime

_LIMIT: Final = 2**36  # seconds: 2,000 years, and sums of weighted ones stay inside 64 bits
_UNITS: Final = {"s": 1, "min": 60, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_PART: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(s|min|m|h|d|w)\s*")
_EXAMPLE: Final = 'give seconds or a text such as "90min", "2h" or "1d12h"'


def parse_duration(value: Any, *, field: str, least: int = 1) -> int:
    """Whole seconds, rounded up, from ``least`` on."""
    seconds: float
    if isinstance(value, str):
        parts = _PART.findall(value)
        if not parts or "".join(_PART.split(value)[::3]).strip():
            raise InvalidModel(f"{field} = {show(value)}: {_EXAMPLE}")
        seconds = sum(float(amount) * _UNITS[unit] for amount, unit in parts)
    elif isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InvalidModel(f"{field} = {show(value)}: {_EXAMPLE}")
    else:
        seconds = value
    if not math.isfinite(seconds) or not least <= seconds <= _LIMIT:
        raise InvalidModel(f"{field} = {show(value)}: must be from {least} s to 2**36 s")
    return math.ceil(seconds)


def parse_time(value: Any, *, field: str) -> int:
    """Whole seconds; ISO texts and datetimes count from 1970 in UTC."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            try:
                return parse_duration(value, field=field, least=0)
            except InvalidModel:
                raise InvalidModel(
                    f'{field} = {show(value)}: give seconds, a text such as "2h" (from 0) or an ISO time such as '
                    '"2026-03-01T08:00"'
                ) from None
    if isinstance(value, datetime):
        value = (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= _LIMIT:
        raise InvalidModel(f"{field} = {show(value)}: give seconds within 2**36, or an ISO time")
    return math.floor(value)


def optional_time(value: Any, *, field: str) -> int | None:
    """`parse_time`, or None for None."""
    return None if value is None else parse_time(value, field=field)


def parse_window(value: Any, *, field: str) -> tuple[int | None, int | None] | None:
    """Return a pair of times, either of which may be None (open)."""
    if value is None:
        return None
    if isinstance(value, str) or not isinstance(value, Sequence) or len(value) != 2:
        raise InvalidModel(f"{field} = {show(value)}: give two times, [from, to]; null leaves a side open")
    begin, end = (optional_time(side, field=f"{field}[{i}]") for i, side in enumerate(value))
    if begin is not None and end is not None and end <= begin:
        raise InvalidModel(f"{field} = {show(value)}: is empty; give an end after the begin")
    return begin, end


def show_time(seconds: int) -> str:
    """Return an ISO time for what looks like one (2001 or later), else days and hours after 0."""
    if seconds >= 10**9:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S").removesuffix(":00")
    sign, rest = ("-", -seconds) if seconds < 0 else ("", seconds)
    days, rest = divmod(rest, 86400)
    clock = f"{rest // 3600:02d}:{rest // 60 % 60:02d}" + (f":{rest % 60:02d}" if rest % 60 else "")
    return f"{sign}{days}d {clock}" if days else f"{sign}{clock}"
