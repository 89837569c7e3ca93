"""Connecting to an orchestrator from the command line: ``--adapter slurm --option config=/etc/slurm/slurm.conf``."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Annotated

import typer

from hal.errors import AdapterError

if TYPE_CHECKING:
    from hal.adapters.contract import Adapter

__all__ = ["Name", "Options", "connect"]

Name = Annotated[
    str, typer.Option("--adapter", help="Orchestrator: slurm, kubernetes, ray, nomad, or a plugin's.")
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
    AdapterError
        There is none of that name, an option is not ``key=value``, or the orchestrator cannot be reached.
    MissingExtra
        What the adapter needs is not installed.
    """
    found = {point.name: point for point in entry_points(group="hal.adapters")}
    if name not in found:
        raise AdapterError(
            f"adapter = {name!r}: there is none; installed are {', '.join(sorted(found)) or 'none'}"
        )
    given: dict[str, str] = {}
    for option in options or []:
        key, equals, value = option.partition("=")
        if not equals or not key.isidentifier():
            raise AdapterError(f"option = {option!r}: give key=value")
        given[key] = value
    make = found[name].load()
    try:
        adapter: Adapter = make(**given)
    except TypeError as error:
        raise AdapterError(f"adapter {name}: {error}") from error
    return adapter
