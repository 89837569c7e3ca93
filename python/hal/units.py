"""Human quantities in, integers in base units out: milli-CPU, MiB, milli-GPU, counts.

A request is rounded up and a capacity down, so that rounding can never promise what is not there.
"""

from __future__ import annotations

import math
import numbers
import re
from decimal import Decimal, InvalidOperation
from typing import Final

from hal._show import show
from hal.errors import InvalidModel

__all__ = ["LIMIT", "Quantity", "count", "cpu_milli", "gpu_milli", "memory_mib", "seconds"]

#: What a caller may write for an amount: a number in the field's own unit, or text with a unit.
Quantity = int | float | str

#: Largest amount in base units: sums over a million nodes stay inside int64. The core holds the same limit.
LIMIT: Final = 2**42

_AMOUNT = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([A-Za-z]*)\s*")
_DECIMAL = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
_SPANS = {"": 1, "s": 1, "min": 60, "h": 3600, "d": 86400}
_TINY = Decimal("1e-9")
_MIB = 2**20


def cpu_milli(value: Quantity, *, field: str = "cpus", capacity: bool = False) -> int:
    """CPU time as milli-CPU.

    Parameters
    ----------
    value : int, float or str
        Whole CPUs (``0.5``, ``"4"``) or milli-CPUs (``"500m"``).
    field : str
        Name used in the error.
    capacity : bool
        Round down instead of up: what a node offers rather than what a job asks for.

    Returns
    -------
    int
        milli-CPU, 0 … 2**42.

    Raises
    ------
    InvalidModel
        Not a number, NaN, negative, infinite, over the limit, or an unknown unit.
    """
    amount, unit = _split(value, field, 'a number of CPUs such as 0.5, 4 or "500m"')
    if unit not in ("", "m"):
        raise InvalidModel(f'{field} = {show(value)}: unknown unit {unit!r}; write 0.5, 4 or "500m"')
    return _whole(amount if unit == "m" else amount * 1000, value, field, capacity)


def memory_mib(value: Quantity, *, field: str = "memory", capacity: bool = False) -> int:
    """Memory as MiB.

    Parameters
    ----------
    value : int, float or str
        A bare number is MiB. Text may carry ``KiB MiB GiB TiB PiB`` (also ``Ki Mi …``) or the decimal
        ``kB MB GB TB PB`` (also ``K M …``), or ``B`` for bytes.
    field : str
        Name used in the error.
    capacity : bool
        Round down instead of up.

    Returns
    -------
    int
        MiB, 0 … 2**42.

    Raises
    ------
    InvalidModel
        Not a number, NaN, negative, infinite, over the limit, or an unknown unit.
    """
    hint = 'an amount such as 512 (MiB), "64GiB" or "40GB"'
    amount, unit = _split(value, field, hint)
    if unit == "":
        return _whole(amount, value, field, capacity)
    if unit == "m":
        raise InvalidModel(f'{field} = {show(value)}: "m" is a thousandth; for megabytes write "MB" or "MiB"')
    low = unit.lower()
    if low == "b":
        scale = 1
    else:
        stem = low.removesuffix("b")
        binary = stem.endswith("i")
        prefix = stem.removesuffix("i")
        if prefix not in _DECIMAL or (prefix == "" and stem):
            raise InvalidModel(f"{field} = {show(value)}: unknown unit {unit!r}; write {hint}")
        scale = (1024 if binary else 1000) ** _DECIMAL[prefix]
    _check_range(amount, value, field)
    return _whole(amount * scale / _MIB, value, field, capacity)


def gpu_milli(value: Quantity, *, field: str = "gpu_share") -> int:
    """A share of one GPU as milli-GPU: ``0.46`` or ``"460m"`` is 460; 1 is the whole device.

    Raises
    ------
    InvalidModel
        Not a number, not in (0, 1], or an unknown unit.
    """
    amount, unit = _split(value, field, 'a share of one GPU such as 0.46 or "460m"')
    if unit not in ("", "m"):
        raise InvalidModel(f'{field} = {show(value)}: unknown unit {unit!r}; write 0.46 or "460m"')
    milli = _whole(amount if unit == "m" else amount * 1000, value, field, capacity=False)
    if not 0 < milli <= 1000:
        raise InvalidModel(
            f"{field} = {show(value)}: a share of one GPU lies in (0, 1]; ask for more with gpus="
        )
    return milli


def count(value: Quantity, *, field: str) -> int:
    """A whole number of things (an extended resource); ``"16k"`` and ``"4Ki"`` are understood.

    Raises
    ------
    InvalidModel
        Not a whole number, negative, over the limit, or an unknown unit.
    """
    amount, unit = _split(value, field, "a whole number")
    if unit:
        binary = unit.endswith("i")
        prefix = unit.removesuffix("i")
        if prefix == "m" or prefix.lower() not in _DECIMAL or prefix == "":
            raise InvalidModel(
                f"{field} = {show(value)}: unknown unit {unit!r}; write a whole number, 16k or 4Ki"
            )
        _check_range(amount, value, field)
        amount *= (1024 if binary else 1000) ** _DECIMAL[prefix.lower()]
    _check_range(amount, value, field)
    if amount != int(amount):
        raise InvalidModel(f"{field} = {show(value)}: must be a whole number; choose a smaller unit")
    return int(amount)


def _split(value: object, field: str, hint: str) -> tuple[Decimal, str]:
    """Split an amount into an exact number and its unit."""
    if isinstance(value, bool) or not isinstance(value, (numbers.Integral, float, str)):
        raise InvalidModel(f"{field} = {show(value)}: must be {hint}")
    if isinstance(value, str):
        match = _AMOUNT.fullmatch(value)
        if match is None:
            raise InvalidModel(f"{field} = {show(value)}: must be {hint}")
        number, unit = match.groups()
        # Longer text than any sane amount would only cost time in Decimal.
        if len(number) > 40:
            raise InvalidModel(f"{field} = {show(value)}: too many digits; must be {hint}")
    else:
        if isinstance(value, float) and not math.isfinite(value):
            raise InvalidModel(f"{field} = {show(value)}: must be finite; write {hint}")
        if isinstance(value, numbers.Integral) and abs(int(value)) > LIMIT:
            raise InvalidModel(f"{field} = {show(value)}: over the limit of 2**42 base units; check the unit")
        number, unit = repr(float(value)), ""
    try:
        amount = Decimal(number)
    except InvalidOperation:  # an exponent of twenty digits
        raise InvalidModel(f"{field} = {show(value)}: its exponent is out of range; must be {hint}") from None
    _check_range(amount, value, field)
    return amount, unit


def _check_range(amount: Decimal, value: object, field: str) -> None:
    if amount < 0:
        raise InvalidModel(f"{field} = {show(value)}: must not be negative")
    if amount > LIMIT:
        raise InvalidModel(f"{field} = {show(value)}: over the limit of 2**42 base units; check the unit")
    if 0 < amount < _TINY:
        raise InvalidModel(f"{field} = {show(value)}: too small to mean anything; check the unit")


def _whole(amount: Decimal, value: object, field: str, capacity: bool) -> int:
    """Round to base units in the safe direction, forgiving the noise of float arithmetic (0.1 + 0.2)."""
    if amount > LIMIT:
        raise InvalidModel(f"{field} = {show(value)}: over the limit of 2**42 base units; check the unit")
    near = round(amount, 6)
    return math.floor(near) if capacity else math.ceil(near)


def seconds(value: Quantity, *, field: str) -> float:
    """A span of time in seconds: a bare number, or text with ``s``, ``min``, ``h`` or ``d``.

    Raises
    ------
    InvalidModel
        Not a number, NaN, negative, infinite, over the limit, or an unknown unit.
    """
    amount, unit = _split(value, field, 'a span of time such as 30 (seconds), "5min" or "2h"')
    if unit not in _SPANS:
        raise InvalidModel(f'{field} = {show(value)}: unknown unit {unit!r}; write 30, "30s", "5min" or "2h"')
    return float(amount * _SPANS[unit])
