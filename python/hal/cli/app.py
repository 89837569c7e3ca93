"""Builds the command tree from the registry, lazily: only the module of the called command is imported."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from hal.cli.registry import COMMANDS, DEFAULTS, GROUPS
from hal.errors import HalError

__all__ = ["build", "run"]

_STYLE: dict[str, Any] = {
    "rich_markup_mode": None,
    "pretty_exceptions_enable": False,
}


def run(arguments: Sequence[str]) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str
        Without the program's own name.

    Returns
    -------
    int
        0 done; 1 the answer is no (a check failed); 2 misuse, bad input or a missing extra.
    """
    group, *rest = arguments or [""]
    if group in DEFAULTS and rest and rest[0].startswith("-") and "--help" not in rest:
        arguments = [group, DEFAULTS[group], *rest]
    try:
        build(_typed_so_far() or arguments)(args=list(arguments), prog_name="hal")
    except HalError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0 if end.code is None else 2
    return 0


def build(arguments: Sequence[str] = ()) -> typer.Typer:
    """Return the tree in which the command that ``arguments`` start with is real.

    The others are listed with the registry's help and never called, so that whatever they need may be missing.
    """
    root = typer.Typer(help="Decide where jobs run, fast, and say why not.", no_args_is_help=True, **_STYLE)
    root.callback()(_root)
    groups: dict[str, typer.Typer] = {}
    for path, entry in COMMANDS.items():
        *above, name = path.split()
        parent = root
        if above:
            (group,) = above
            if group not in groups:
                groups[group] = typer.Typer(help=GROUPS[group], no_args_is_help=True, **_STYLE)
                root.add_typer(groups[group], name=group)
            parent = groups[group]
        if list(arguments[: len(above) + 1]) == path.split():
            module = importlib.import_module(entry.module)
            if hasattr(module, "app"):
                parent.add_typer(module.app, name=name, help=entry.help)
            else:
                parent.command(name)(module.command)
        else:
            parent.command(name, help=entry.help)(_elsewhere)
    return root


def _typed_so_far() -> list[str]:
    """Return the words to complete, without the program's own, when a shell asks for that (as Typer's scripts do)."""
    if "_HAL_COMPLETE" not in os.environ:
        return []
    words = os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS", "")
    return words.split()[1:]


def _version(wanted: bool) -> None:
    if wanted:
        print(f"hal-core {importlib.metadata.version('hal-core')}")
        raise typer.Exit


def _root(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Take the options of ``hal`` itself."""


def _elsewhere() -> None:
    """Stand in the listing for a command whose module was not needed."""
