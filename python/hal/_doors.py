"""What a function was handed, checked by kind before anything is touched."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import numpy as np

from hal._show import show
from hal.errors import InvalidModel

__all__ = [
    "NAMED",
    "flag",
    "listed",
    "must_be",
    "named",
    "number",
    "path_of",
    "public_name",
    "texts",
    "whole",
]

T = TypeVar("T")

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
#: What to do about a wrong name.
NAMED: Final = "give a name of 1 to 512 characters, without blanks at its ends and without control characters"


def must_be(value: object, kind: type[T], field: str) -> T:
    """Return the value, or say which kind is wanted."""
    if not isinstance(value, kind):
        raise InvalidModel(f"{field} = {show(value)}: must be {_called(kind)}")
    return value


def whole(value: object, field: str) -> int:
    """Return a whole number, Python's or numpy's."""
    return must_be(value.item() if isinstance(value, np.integer) else value, int, field)


def number(value: object, field: str) -> float:
    """Return a number, Python's or numpy's; its range is the caller's to check."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise InvalidModel(f"{field} = {show(value)}: must be a number")
    return float(value)


def flag(value: object, field: str) -> bool:
    """Return a truth value, Python's or numpy's; 1 and "no" are none."""
    if not isinstance(value, (bool, np.bool_)):
        raise InvalidModel(f"{field} = {show(value)}: must be True or False")
    return bool(value)


def path_of(value: str | PathLike[str], field: str = "path") -> Path:
    """Return where a file is, or say that this is no path."""
    try:
        path = Path(value)
    except TypeError:
        path = None
    if path is None or "\0" in str(path):
        raise InvalidModel(f"{field} = {show(value)}: must be the path of a file")
    return path


def texts(field: str, values: Sequence[str], size: int | None = None, *, names: bool = False) -> list[str]:
    """Return a list of texts, as many as ``size``; of names those that `hal.Node` would take too."""
    several = isinstance(values, Iterable) and not isinstance(values, (str, bytes))
    out = list(values) if several else []
    if not several or not all(isinstance(value, str) for value in out):
        raise InvalidModel(f"{field} = {show(values)}: must be a sequence of str")
    if size is not None and len(out) != size:
        raise InvalidModel(f"{field}: has {len(out)} entries, must have {size} like the columns")
    # One search through all is quick; which one it was is looked for when it is known that there is one.
    if names and (_CONTROL.search("".join(out)) or any(map(_padded, out))):
        row = next(row for row, name in enumerate(out) if _CONTROL.search(name) or _padded(name))
        raise InvalidModel(f"{field}[{row}] = {show(out[row])}: {NAMED}")
    return out


def named(text: str) -> bool:
    """Whether `hal.Node` would take a text as a name."""
    return not _CONTROL.search(text) and not _padded(text)


def _padded(text: str) -> bool:
    return text != text.strip() or not 0 < len(text) <= 512


def listed(value: T | Iterable[T], kind: type[T], field: str) -> list[T]:
    """Return one or several of a kind as a list."""
    if isinstance(value, kind):
        return [value]
    try:
        if isinstance(value, (str, bytes)):  # several letters, but never several of what is wanted
            raise TypeError
        given = list(cast(Iterable[Any], value))
    except TypeError:
        raise InvalidModel(f"{field} = {show(value)}: must be {_called(kind)}, or several") from None
    if set(map(type, given)) != {kind}:  # a hundred thousand at once are looked at quickly
        for index, one in enumerate(given):
            must_be(one, kind, f"{field}[{index}]")
    return given


def _called(kind: type[object]) -> str:
    if kind.__module__ == "builtins":
        return {"str": "text", "int": "a whole number"}.get(kind.__name__, kind.__name__)
    return f"a {public_name(kind)}"


def public_name(kind: type[object]) -> str:
    """Return the name that users import a class by."""
    top, *below = kind.__module__.split(".")
    room = top if hasattr(sys.modules.get(top), kind.__name__) else ".".join([top, *below[:1]])
    return f"{room}.{kind.__name__}"
