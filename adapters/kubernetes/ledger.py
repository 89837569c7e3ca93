"""What whoever listens was told of each job, of which there may be news, and what could not be said."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from hal.adapters.contract import Dropped, Running

import hal

__all__ = ["Ledger", "News", "sensible"]

log = logging.getLogger("hal.kubernetes")

_BROKEN: Final = (AttributeError, KeyError, TypeError, ValueError)
#: A job that waits, one that runs, or nothing any more.
News = hal.Job | Running | None


@contextlib.contextmanager
def sensible(what: str) -> Iterator[None]:
    """Make a fault of the server of what reading its objects stumbles over."""
    try:
        yield
    except _BROKEN as error:
        if isinstance(error, hal.HalError):
            raise
        raise hal.AdapterError(f"{what}: makes no sense ({type(error).__name__}: {error})") from error


class Ledger:
    """Tells of every job once, and again when it is another."""

    def __init__(self) -> None:
        self._told: dict[str, hal.Job | Running] = {}
        self._dirty: dict[str, None] = {}
        self._dropped: dict[str, tuple[Dropped, ...]] = {}

    def told(self, key: str) -> News:
        """Return what was told of a job last."""
        return self._told.get(key)

    def told_on(self, node: str) -> list[str]:
        """Return the jobs that were told to run on a node."""
        return [key for key, told in self._told.items() if isinstance(told, Running) and node in told.nodes]

    def forget(self, *keys: str) -> None:
        """Take jobs as never told."""
        for key in keys:
            self._told.pop(key, None)

    def mark(self, *keys: str) -> None:
        """Note that there may be news of jobs."""
        self._dirty.update(dict.fromkeys(keys))

    def begin(self, keys: Iterable[str]) -> None:
        """Take nothing as told; there may be news of these jobs."""
        self._told.clear()
        self._dirty = dict.fromkeys(keys)

    def news(
        self, groups: Callable[[], Iterable[str]], look: Callable[[str], News]
    ) -> list[tuple[str, News]]:
        """Return the jobs that are not as they were told.

        Parameters
        ----------
        groups : callable
            Which of the jobs are gangs: they are looked at after the single ones.
        look : callable
            What a job is now; it may mark others.
        """
        found: list[tuple[str, News]] = []
        while self._dirty:
            dirty, self._dirty = self._dirty, {}
            gangs = frozenset(groups())
            for key in sorted(dirty, key=lambda key: key in gangs):
                with sensible(key):
                    now = look(key)
                before = self._told.get(key)
                if now is None:
                    self._told.pop(key, None)
                    if before is not None:
                        found.append((key, now))
                elif now != before:
                    self._told[key] = now
                    found.append((key, now))
        return found

    # ---- what cannot be said -------------------------------------------------------------------------

    @property
    def dropped(self) -> tuple[Dropped, ...]:
        """What the model cannot say of what there is."""
        return tuple(item for found in self._dropped.values() for item in found)

    def note(self, key: str, dropped: Iterable[Dropped]) -> None:
        """Note, and log once, what the model cannot say of a thing."""
        found = tuple(dropped)
        if found and self._dropped.get(key) != found:
            for item in found:
                log.info("cannot be expressed", extra={"dropped": str(item)})
        if found:
            self._dropped[key] = found
        else:
            self._dropped.pop(key, None)
