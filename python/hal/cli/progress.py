"""The bar that long commands show on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import Progress

from hal.cli.output import console

__all__ = ["progress"]


@contextmanager
def progress(total: int) -> Iterator[Callable[[str], None]]:
    """Yield a function that is told what begins; silent where stderr is no terminal."""
    screen = console(stderr=True)
    with Progress(console=screen, transient=True, disable=not screen.is_terminal) as bar:
        task = bar.add_task("", total=total)
        yield lambda text: bar.update(task, advance=1, description=text)
