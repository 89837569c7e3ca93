"""Sizes, rates, durations and prices as people write them, to the integers that the core counts in."""

from __future__ import annotations

import math
import re
from decimal import Decimal, InvalidOperation
from typing import Final

from hal.errors import InvalidModel

#: bytes: a number is bytes, a string has a unit ("150GiB", "20 TB").
Size = int | str
#: bytes per second: a number is bytes/s, a string has a unit ("10GB/s", "100Gbit/s").
Rate = int | str
#: a number is seconds, a string has a unit ("200us", "2h").
Duration = int | float | str
#: currency units; six decimals are kept.
Money = int | float | str

MICRO: Final = 1_000_000
_LIMIT: Final = 2**62
_AMOUNT = re.compile(r"\s*([+-]?[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]{1,2})?)\s*([^\s0-9]*)\s*")
_SCALES: Final = {
    "": 1,
    **{p: 1000**i for i, p in enumerate("kMGTP", 1)},
    **{f"{p}i": 1024**i for i, p in enumerate("KMGTP", 1)},
}
_BYTES: Final = {f"{p}B": Decimal(s) for p, s in _SCALES.items()}
_RATES: Final = {
    **{f"{unit}/s": scale for unit, scale in _BYTES.items()},
    **{f"{p}{bit}": Decimal(s) / 8 for p, s in _SCALES.items() for bit in ("bit/s", "bps")},
}
_SECONDS: Final = {
    "us": Decimal("1e-6"),
    "µs": Decimal("1e-6"),
    "ms": Decimal("1e-3"),
    "s": Decimal(1),
    "min": Decimal(60),
    "h": Decimal(3600),
    "d": Decimal(86400),
}


def _read(field: str, value: object, units: dict[str, Decimal], example: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise InvalidModel(f"{field} is {value!r}: give a number or a text such as {example}")
    if isinstance(value, str):
        match = _AMOUNT.fullmatch(value)
        if match is None or (match[2] not in units and match[2]):
            raise InvalidModel(f"{field} is {value!r}: give a number or a text such as {example}")
        try:
            number = Decimal(match[1])
        except InvalidOperation:
            raise InvalidModel(f"{field} is {value!r}: not a number") from None
        number *= units[match[2]] if match[2] else 1
    elif isinstance(value, float) and not math.isfinite(value):
        raise InvalidModel(f"{field} is {value!r}: must be finite")
    else:
        number = Decimal(value if isinstance(value, int) else repr(value))
    if number < 0:
        raise InvalidModel(f"{field} is {value!r}: must not be negative")
    if number > _LIMIT:
        raise InvalidModel(f"{field} is {value!r}: too large")
    return number


def parse_bytes(field: str, value: object) -> int:
    """Bytes, rounded up."""
    return math.ceil(_read(field, value, _BYTES, "'150GiB'"))


def parse_rate(field: str, value: object) -> int:
    """Bytes per second, rounded down."""
    return math.floor(_read(field, value, _RATES, "'10GB/s' or '100Gbit/s'"))


def parse_micros(field: str, value: object) -> int:
    """Microseconds, rounded up; a bare number is seconds."""
    return math.ceil(_read(field, value, _SECONDS, "0.5 (seconds), '200us' or '2h'") * MICRO)


def parse_money(field: str, value: object) -> int:
    """Micro-units of the currency, rounded to the nearest."""
    return round(_read(field, value, {}, "0.02") * MICRO)
