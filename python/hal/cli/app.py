"""Builds the command tree from the registry, lazily: a command whose extra is missing breaks only itself."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Any

import click
import typer
from typer.core import TyperGroup
from typer.main import get_command

from hal.cli.registry import COMMANDS, GROUPS, Entry
from hal.errors import HalError, MissingExtra

__all__ = ["build", "run"]


def run(arguments: Sequence[str]) -> int:
    """Run the command line.

    Returns
    -------
    int
        0 done; 1 the answer is no (a check failed); 2 misuse, bad input or a missing extra.
    """
    try:
        result = build().main(args=list(arguments), prog_name="hal", standalone_mode=False)
    except HalError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except click.exceptions.Abort:
        print("stopped", file=sys.stderr)
        return 130
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except BrokenPipeError:  # the reader of our output has left: nothing to say, and nobody to say it to
        sys.stderr.close()
        return 0
    return result if isinstance(result, int) else 0


def build() -> click.Command:
    """Return the root command."""
    return _Group("hal", prefix=(), help="Decide where jobs run, fast, and say why not.")


class _Group(TyperGroup):
    """A group whose members come from the registry."""

    def __init__(self, name: str, *, prefix: tuple[str, ...], help: str) -> None:  # noqa: A002  # click's word
        super().__init__(name=name, help=help, no_args_is_help=True, rich_markup_mode=None)
        self._prefix = prefix

    def list_commands(self, ctx: click.Context) -> list[str]:
        depth = len(self._prefix)
        paths = (tuple(path.split()) for path in COMMANDS)
        return list(dict.fromkeys(path[depth] for path in paths if path[:depth] == self._prefix and len(path) > depth))

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        path = (*self._prefix, name)
        entry = COMMANDS.get(" ".join(path))
        if entry is not None:
            return _load(name, entry)
        if name in self.list_commands(ctx):
            return _Group(name, prefix=path, help=GROUPS.get(name, ""))
        return None


def _load(name: str, entry: Entry) -> click.Command:
    try:
        module = importlib.import_module(entry.module)
    except MissingExtra as error:
        return _missing(name, entry, error)
    app = getattr(module, "app", None)
    if app is None:
        app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
        app.command(name, help=module.command.__doc__)(module.command)
    command = get_command(app)
    command.name = name
    return command


def _missing(name: str, entry: Entry, error: MissingExtra) -> click.Command:
    """Return a stand-in that is listed like the others and says, when called, what to install."""

    def refuse(**_: Any) -> None:
        raise error

    context = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}
    return click.Command(name, callback=refuse, help=f"{entry.help} ({error})", context_settings=context)
