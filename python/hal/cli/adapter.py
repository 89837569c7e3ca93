"""Connecting to an orchestrator from the command line: ``--adapter slurm --option conf=/etc/slurm/slurm.conf``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

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

    Raises
    ------
    HalError
        There is none of that name, or it was written for another contract.
    AdapterError
        An option is not ``key=value``, or the orchestrator cannot be reached.
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
    try:
        adapter: Adapter = make(**given)
    except TypeError as error:
        raise AdapterError(f"adapter {name}: {error}") from error
    return adapter
