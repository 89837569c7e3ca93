"""One progress bar, on stderr, for whoever watches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from hal.cli.output import console

__all__ = ["bar"]


@contextmanager
def bar(total: int, text: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar; yields what is to be called with (done, all)."""
    screen = console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as progress:
        task = progress.add_task(text, total=total)
        yield lambda done, all_: progress.update(task, completed=done, total=all_)
