"""One progress bar, on stderr, for whoever watches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from hal.cli.output import console

__all__ = ["bar"]


@contextmanager
def bar(total: int, text: str, *, kept: Path | None = None) -> Iterator[Callable[[int, int], None]]:
    """Show a bar; yields what is to be called with (done, all).

    With ``kept``, the file of what is done, an interruption says how to go on.
    """
    screen = console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    done = 0
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as progress:
        task = progress.add_task(text, total=total)

        def report(count: int, all_: int) -> None:
            nonlocal done
            done = count
            progress.update(task, completed=count, total=all_)

        try:
            yield report
        except KeyboardInterrupt:
            if kept is not None:
                screen.print(f"stopped: {done} of {total} are in {kept}; the same command goes on from there")
            raise
