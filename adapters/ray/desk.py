"""What was submitted in this process, and what changed of it."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from hal.adapters.contract import Delta, Running

if TYPE_CHECKING:
    from hal.adapters.ray.submissions import Submission

__all__ = ["Desk"]

_KEPT = 100_000  # changes that are remembered


class Desk:
    """What was submitted and has not ended, and what changed; shared by the adapters of one process."""

    def __init__(self) -> None:
        self.changed = threading.Condition(threading.RLock())
        self.open: dict[str, Submission] = {}
        self.log: deque[Delta] = deque(maxlen=_KEPT)
        self.told = 0
        self.ended: deque[tuple[float, Running]] = deque()
        self.cordoned: set[str] = set()
        self._count = 0
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def later(self, call: Callable[[], None] | None) -> None:
        """Call in a thread of the desk's own: Ray's threads must not wait for its lock. None ends the thread."""
        self._calls.put(call)
        if self._thread is None and call is not None:
            self._thread = threading.Thread(target=self._serve, name="hal-ray-desk", daemon=True)
            self._thread.start()

    def _serve(self) -> None:
        while (call := self._calls.get()) is not None:
            call()

    def name(self, stem: str) -> str:
        """Return a name that no other submission has."""
        with self.changed:
            self._count += 1
            return f"{stem}-{self._count}"

    def tell(self, *deltas: Delta) -> None:
        """Remember what changed, and wake whoever waits for it."""
        with self.changed:
            self.log.extend(deltas)
            self.told += len(deltas)
            self.changed.notify_all()

    def beyond(self, told: int) -> Callable[[], bool]:
        """Return what says whether more was told since."""
        return lambda: self.told != told

    def since(self, told: int) -> list[Delta] | None:
        """Return what changed since; None when that is not remembered."""
        with self.changed:
            missing = self.told - told
            return None if not 0 <= missing <= len(self.log) else list(self.log)[len(self.log) - missing :]
