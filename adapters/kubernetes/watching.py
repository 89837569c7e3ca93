"""Watches of an API server, each in a thread of its own, into one queue."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Mapping
from typing import Any

from hal.adapters.contract import Stale
from hal.adapters.kubernetes.client import Client

import hal

__all__ = ["Watches"]

log = logging.getLogger("hal.kubernetes")

#: Tries to connect again, in a row, after which a fault is told.
_TRIES = 5


class Watches:
    """Follow collections from the versions that they were listed at.

    Parameters
    ----------
    client : Client
    starts : mapping of str to (str, str, mapping)
        Kind → path, version, and what else to ask with.
    """

    def __init__(self, client: Client, starts: Mapping[str, tuple[str, str, Mapping[str, str]]]) -> None:
        self.client = client
        self.stopped = threading.Event()
        self._events: queue.Queue[tuple[str, str, dict[str, Any]] | hal.AdapterError] = queue.Queue()
        self._threads = [
            threading.Thread(
                target=self._follow, args=(kind, path, version, query), name=f"hal-watch-{kind}", daemon=True
            )
            for kind, (path, version, query) in starts.items()
        ]
        for thread in self._threads:
            thread.start()

    def get(self, timeout: float, most: int = 10_000) -> list[tuple[str, str, dict[str, Any]]]:
        """Return ``(kind, type, object)`` of what came, after at most ``timeout`` seconds.

        Raises
        ------
        Stale, AdapterError
            A watch has ended for good.
        """
        found: list[tuple[str, str, dict[str, Any]]] = []
        try:
            item = self._events.get(timeout=timeout) if timeout > 0 else self._events.get_nowait()
            while True:
                if isinstance(item, hal.AdapterError):
                    raise item
                found.append(item)
                if len(found) >= most:
                    break
                item = self._events.get_nowait()
        except queue.Empty:
            pass
        return found

    def stop(self) -> None:
        """End the threads; what they still hear is not heard."""
        self.stopped.set()
        for thread in self._threads:
            self.client.interrupt(self.stopped)  # also one that connected a moment ago
            thread.join(1.0)

    def _follow(self, kind: str, path: str, version: str, query: Mapping[str, str]) -> None:
        tries = 0
        while not self.stopped.is_set():
            try:
                for event, thing in self.client.watch(path, version, self.stopped, query):
                    tries = 0
                    if event != "BOOKMARK":
                        self._events.put((kind, event, thing))
                    version = thing["metadata"]["resourceVersion"]
            except Stale as error:
                self._events.put(error)
                return
            except hal.AdapterError as error:
                tries += 1
                log.warning("a watch broke", extra={"kind": kind, "error": str(error), "try": tries})
                if tries >= _TRIES:
                    self._events.put(error)
                    return
            self.stopped.wait(0.1 * 2**tries if tries else 0.0)
