"""Requirements on labels, as people write them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from hal._show import show
from hal._validate import NAME, TEXT, model
from hal.errors import InvalidModel

__all__ = ["Selector", "as_tuple", "selectors"]


def as_tuple(value: Any) -> Any:
    """Turn what may stand for several things into a tuple; one text is one thing."""
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, (list, set, frozenset)) else value


@model
class Selector:
    """One requirement on labels: ``Selector("zone", "In", ["a", "b"])``."""

    key: Annotated[str, NAME]
    op: Literal["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"] = "Exists"
    values: Annotated[Sequence[Annotated[str, TEXT]], BeforeValidator(as_tuple)] = ()


def selectors(value: Any) -> Any:
    """Accept ``{"zone": "a", "disk": ["ssd", "nvme"]}`` beside a list of Selector."""
    if isinstance(value, Mapping):
        return tuple(Selector(key, "In", as_tuple(wanted)) for key, wanted in value.items())
    value = (value,) if isinstance(value, Selector) else as_tuple(value)
    if not isinstance(value, tuple) or not all(isinstance(item, Selector) for item in value):
        raise InvalidModel(f'selector = {show(value)}: give {{"zone": "a"}} or a list of hal.Selector')
    return value
