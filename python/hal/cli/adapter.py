"""Connecting to an orchestrator from the command line: ``--adapter slurm --option conf=/etc/slurm/slurm.conf``."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from hal.cli.names import adapters
from hal.errors import AdapterError
from hal.plugins import load

if TYPE_CHECKING:
    from hal.adapters.contract import Adapter

__all__ = ["Name", "Options", "connect"]

Name = Annotated[
    str,
    typer.Option(
        "--adapter", help="Orchestrator by name; `hal plugins` lists them.", autocompletion=adapters
    ),
]
Options = Annotated[
    list[str] | None,
    typer.Option(
        "--option", "-o", help="key=value for the adapter, as often as needed.", metavar="KEY=VALUE"
    ),
]


def connect(name: str, options: list[str] | None) -> Adapter:
    """Return the adapter of that name, connected.

    Options are read as what they are by default: a number, yes or no, or a text.

    Raises
    ------
    HalError
        There is none of that name, or it was written for another contract.
    AdapterError
        An option is not ``key=value``, unknown or of another type, or the orchestrator cannot be reached.
    MissingExtra
        What the adapter needs is not installed.
    """
    given: dict[str, str] = {}
    for option in options or []:
        key, equals, value = option.partition("=")
        if not equals or not key.isidentifier():
            raise AdapterError(f"option = {option!r}: give key=value")
        given[key] = value
    make = load("adapter", name)
    adapter: Adapter = make(**_read(name, make, given))
    return adapter


_YES: Final = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


def _read(name: str, make: Callable[..., Any], given: Mapping[str, str]) -> dict[str, Any]:
    """Return options as values of the types that an adapter has them in."""
    takes = inspect.signature(make).parameters.values()
    known = {
        parameter.name: parameter.default
        for parameter in takes
        if isinstance(parameter.default, str | int | float) or "str" in str(parameter.annotation)
    }
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in takes):
        known |= dict.fromkeys(given.keys() - known, "")
    for key in given:
        if key not in known:
            raise AdapterError(
                f"option {key}: the adapter {name} has {', '.join(sorted(known)) or 'no options'}"
            )
    return {key: _value(key, value, known[key]) for key, value in given.items()}


def _value(key: str, value: str, default: object) -> object:
    if isinstance(default, bool):
        if value.lower() not in _YES:
            raise AdapterError(f"option {key} = {value!r}: must be yes or no")
        return _YES[value.lower()]
    if not isinstance(default, int | float):
        return value
    try:
        number = type(default)(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        whole = "whole " if isinstance(default, int) else ""
        raise AdapterError(f"option {key} = {value!r}: must be a {whole}number")
    return number
