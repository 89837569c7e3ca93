"""Pydantic at the door: checked, frozen dataclasses whose errors are hal's own."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, dataclass_transform

import numpy as np
import pydantic
from pydantic import BeforeValidator, ConfigDict, Strict, StringConstraints
from pydantic.dataclasses import dataclass as pydantic_dataclass

from hal._doors import public_name
from hal._show import show
from hal.errors import HalError, InvalidModel, PolicyError

__all__ = ["NAME", "TEXT", "WHOLE", "amounts", "model", "quantity", "settings"]

T = TypeVar("T")

_CONFIG = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

#: A name of a node, a job, a model or a label key: never empty, never padded, no control characters.
NAME = StringConstraints(
    strict=True,
    min_length=1,
    max_length=512,
    pattern=r"^[^\s\x00-\x1f\x7f]([^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?$",
)
TEXT = StringConstraints(strict=True, max_length=4096)
#: An integer that is not a bool and not "3".
WHOLE = Strict()


@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field,))
def model(cls: type[T]) -> type[T]:
    """Make a frozen pydantic dataclass that raises InvalidModel and refuses unknown fields."""
    return _checked(cls, InvalidModel)


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(dataclasses.field,))
def settings(cls: type[T]) -> type[T]:
    """Make a frozen pydantic dataclass of a policy's parameters, which raises PolicyError."""
    return _checked(cls, PolicyError)


def _checked(cls: type[T], refusal: type[HalError]) -> type[T]:
    built: Any = pydantic_dataclass(frozen=True, config=_CONFIG)(cls)
    checked = built.__init__
    names = tuple(item.name for item in dataclasses.fields(built))

    @functools.wraps(checked)
    def init(self: object, *args: object, **kwargs: object) -> None:
        try:
            checked(self, *map(_plain, args), **{field: _plain(value) for field, value in kwargs.items()})
        except pydantic.ValidationError as error:
            name = kwargs.get("name", args[0] if args else None)
            raise refusal(_describe(cls, names, name, error)) from None

    built.__init__ = init
    # Mappings have no hash; equal objects have equal names (or keys), which is all that a hash must promise.
    built.__hash__ = lambda self: hash((cls.__name__, *(getattr(self, name) for name in names[:1])))
    result: type[T] = built
    return result


def _plain(value: object) -> object:
    """Return Python's own number for one of numpy's; a short float as it is written, not as it is in binary."""
    if isinstance(value, np.generic):
        return float(str(value)) if isinstance(value, np.floating) else value.item()
    return value


def quantity(parse: Callable[..., Any], field: str, **options: Any) -> BeforeValidator:
    """Return the validator that turns what a person wrote into its canonical number."""
    return BeforeValidator(functools.partial(parse, field=field, **options))


def amounts(parse: Callable[..., int], field: str, **options: Any) -> BeforeValidator:
    """Return the validator of a mapping from resource name to amount."""

    def check(value: Any) -> dict[Any, int]:
        if not isinstance(value, Mapping):
            raise InvalidModel(f"{field} = {show(value)}: must be a mapping from resource name to amount")
        return {key: parse(amount, field=f"{field}[{key!r}]", **options) for key, amount in value.items()}

    return BeforeValidator(check)


def _describe(cls: type, names: tuple[str, ...], name: object, error: pydantic.ValidationError) -> str:
    who = f"{cls.__name__}({show(name)})" if isinstance(name, str) else cls.__name__
    parts: list[str] = []
    for item in error.errors(include_url=False)[:5]:
        first, *rest = item["loc"] or ("",)
        if isinstance(first, int) and first < len(names):  # given by position
            first = names[first]
        field = ".".join(str(part) for part in (first, *rest))
        given = show(item["input"])
        cause = item.get("ctx", {}).get("error")
        if isinstance(cause, InvalidModel):  # written by hal already, with field, value and fix
            parts.append(str(cause).removeprefix(f"{who}: "))
        elif item["type"] in (
            "unexpected_keyword_argument",
            "unexpected_positional_argument",
            "extra_forbidden",
        ):
            parts.append(f"{field} = {given}: there is no such field; see help({public_name(cls)})")
        elif item["type"] == "string_pattern_mismatch":
            parts.append(
                f"{field} = {given}: give a name without blanks at its ends and without control characters"
            )
        elif item["type"] in ("missing", "missing_argument"):
            parts.append(f"{field}: is required; give a value")
        else:
            parts.append(f"{field} = {given}: {item['msg'].removeprefix('Value error, ')}")
    return f"{who}: " + "; ".join(dict.fromkeys(parts))
