"""What a function was handed, checked by kind before anything is touched."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any, TypeVar, cast

import numpy as np

from hal._show import show
from hal.errors import InvalidModel

__all__ = ["listed", "must_be", "public_name", "whole"]

T = TypeVar("T")


def must_be(value: object, kind: type[T], field: str) -> T:
    """Return the value, or say which kind is wanted."""
    if not isinstance(value, kind):
        raise InvalidModel(f"{field} = {show(value)}: must be {_called(kind)}")
    return value


def whole(value: object, field: str) -> int:
    """Return a whole number, Python's or numpy's."""
    return must_be(value.item() if isinstance(value, np.integer) else value, int, field)


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
