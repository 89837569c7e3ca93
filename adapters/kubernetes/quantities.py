"""Quantities of Kubernetes, ``"100m"``, ``"64Gi"``, ``"1e3"``, as exact integers."""

from __future__ import annotations

import functools
import math
import re
from fractions import Fraction
from typing import Any

import hal

__all__ = ["amount", "cpu_milli", "mib", "whole"]

_FORM = re.compile(
    r"([+-]?)(\d{1,30}\.?\d{0,30}|\.\d{1,30})(?:[eE]([+-]?\d{1,2})|([KMGTPE]i|[numkMGTPE])?)", re.A
)
_SCALE = {
    "n": Fraction(1, 10**9),
    "u": Fraction(1, 10**6),
    "m": Fraction(1, 1000),
    **{unit: Fraction(1000**power) for power, unit in enumerate(("", "k", "M", "G", "T", "P", "E"))},
    **{f"{unit}i": Fraction(1024**power) for power, unit in enumerate("KMGTPE", 1)},
}


@functools.lru_cache(maxsize=4096)
def _parsed(text: str) -> Fraction:
    found = _FORM.fullmatch(text)
    if found is None:
        raise hal.AdapterError(f"{text[:60]!r} is no quantity")
    sign, number, exponent, unit = found.groups()
    value = Fraction(number.removesuffix("."))
    value *= Fraction(10) ** int(exponent) if exponent else _SCALE[unit or ""]
    return -value if sign == "-" else value


def amount(value: Any) -> Fraction:
    """Return a quantity exactly.

    Raises
    ------
    AdapterError
        It is none, or negative.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise hal.AdapterError(f"{value!r:.60} is no quantity")
    result = _parsed(value if isinstance(value, str) else repr(value))
    if result < 0:
        raise hal.AdapterError(f"{value!r:.60} is negative")
    return result


def _round(value: Fraction, up: bool) -> int:
    return math.ceil(value) if up else math.floor(value)


def cpu_milli(value: Fraction, *, up: bool) -> int:
    """CPUs in milli-CPU."""
    return _round(value * 1000, up)


def mib(value: Fraction, *, up: bool) -> int:
    """Bytes in MiB."""
    return _round(value / 2**20, up)


def whole(value: Fraction, *, up: bool) -> int:
    """Things that are counted."""
    return _round(value, up)
