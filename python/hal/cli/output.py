"""What every command prints alike: tables for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from hal.errors import HalError

__all__ = ["AsJson", "console", "emit_json", "in_folder", "table", "write_text"]

#: The ``--json`` option, the same everywhere.
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]


def in_folder(option: typer.CallbackParam, path: Path | None) -> Path | None:
    """Refuse a file to be written whose folder is not there, before the work whose result it is to hold.

    Raises
    ------
    HalError
        It is not there.
    """
    if path is not None and not path.parent.is_dir():
        raise HalError(f"{option.opts[0]} {path}: there is no folder {path.parent}; make it first")
    return path


def console(*, stderr: bool = False) -> Console:
    """Return a console made now, so that a redirected stream is honoured; a pipe gets whole tables."""
    screen = Console(stderr=stderr, soft_wrap=False, highlight=False)
    return screen if screen.is_terminal else Console(stderr=stderr, highlight=False, width=200)


def emit_json(value: Any) -> None:
    """Print one JSON document on stdout."""
    print(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, left: int = 1) -> Table:
    """Return a table whose first ``left`` columns are text and the others right-aligned numbers."""
    out = Table(title=title, title_justify="left", min_width=min(len(title), 120))  # a title is not broken
    for index, column in enumerate(columns):
        out.add_column(column, justify="left" if index < left else "right")
    for row in rows:
        out.add_row(*(str(cell) for cell in row))
    return out


def write_text(path: Path, text: str) -> None:
    """Write a file that an option names.

    Raises
    ------
    HalError
        It cannot be written.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise HalError(f"{path}: cannot be written ({error.strerror})") from None
