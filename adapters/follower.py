"""Follows an orchestrator in a thread of its own, so that others may look at a live cluster at any time."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping

from hal.adapters.contract import Adapter, Delta, Running, Stale, Words
from hal.adapters.loop import Backoff
from hal.adapters.mirror import Mirror

import hal

__all__ = ["Follower"]

log = logging.getLogger("hal.follow")


class Follower:
    """A live cluster that is an orchestrator's.

    Whoever looks at `cluster` or `waiting`, or changes them by `started`, holds `lock` meanwhile; changes are taken in
    one by one, so that nobody waits for a burst to end.

    Parameters
    ----------
    adapter : Adapter
        Used by the thread that `start` makes, and closed by `stop`.
    patience : float
        Seconds that one call of `Adapter.watch` may take: how long `stop` may have to wait.
    seed : int
        Of the random part of the waits after faults.
    clock : callable
        Seconds that never go back.
    on_read : callable
        Called whenever everything was read, by the thread that follows.

    Attributes
    ----------
    lock : Lock
    fault : str
        What keeps it from following now; empty when all is well.
    counts : Counter
        ``"snapshots"`` read, ``"changes"`` taken in, ``"faults"``.
    """

    def __init__(
        self,
        adapter: Adapter,
        *,
        patience: float = 2.0,
        seed: int = 0,
        clock: Callable[[], float] = time.monotonic,
        on_read: Callable[[], None] = lambda: None,
    ) -> None:
        self.adapter, self.patience, self.clock, self.on_read = adapter, patience, clock, on_read
        self.name = adapter.name
        self.lock = threading.Lock()
        self.fault = "nothing has been read yet"
        self.counts: Counter[str] = Counter(snapshots=0, changes=0, faults=0)
        self._empty = hal.Cluster()
        self._mirror: Mirror | None = None
        self._version = ""
        self._heard = clock()
        self._stop = threading.Event()
        self._backoff = Backoff(random=random.Random(seed))
        self._thread = threading.Thread(target=self._run, name=f"hal-follow-{self.name}", daemon=True)

    @property
    def cluster(self) -> hal.Cluster:
        """As the orchestrator has it; another object after everything had to be read again."""
        return self._empty if self._mirror is None else self._mirror.cluster

    @property
    def waiting(self) -> Mapping[str, hal.Job]:
        """What waits, in the order of the queue."""
        return {} if self._mirror is None else self._mirror.waiting

    @property
    def silence(self) -> float:
        """Seconds since the orchestrator last answered."""
        return self.clock() - self._heard

    def started(self, running: Running) -> None:
        """Enter a job that was given its place just now, before the orchestrator says so. Hold the lock."""
        if self._mirror is not None:
            self._mirror.started(running)

    def follow(self, delta: Delta) -> None:
        """Take in a change that the orchestrator has not told. Hold the lock."""
        if self._mirror is not None:
            self._mirror.follow((delta,))

    def worded(self, job: str, reason: str) -> str:
        """Return a reason in the orchestrator's own terms, where the adapter knows better ones."""
        return self.adapter.worded(job, reason) if isinstance(self.adapter, Words) else reason

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def stop(self) -> None:
        """Follow no more, and let go of the connection; harmless when called twice."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(2 * self.patience)
        self.adapter.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._once()
            except Exception as error:  # whatever an adapter raises, the thread must not end unnoticed
                self._failed(error)

    def _once(self) -> None:
        """Read everything if need be, then take in what changes for a while."""
        if self._mirror is None or self.fault:
            self._read()
        try:
            for delta in self.adapter.watch(self._version, timeout=self.patience):
                with self.lock:
                    assert self._mirror is not None
                    self._mirror.follow((delta,))
                self.counts["changes"] += 1
                self._heard = self.clock()
                if self._stop.is_set():
                    return
        except Stale as error:
            log.warning("reading everything again", extra={"error": str(error)})
            self._read()
            return
        self._version, self._heard = self.adapter.version, self.clock()

    def _read(self) -> None:
        snapshot = self.adapter.snapshot()
        mirror = Mirror(snapshot)  # takes a while on a large cluster: nobody has to wait for it
        with self.lock:
            self._mirror, self._version = mirror, snapshot.version
        self.on_read()
        self._heard, self.fault, self._backoff.tries = self.clock(), "", 0
        self.counts["snapshots"] += 1
        log.info(
            "read everything",
            extra={
                "nodes": len(mirror.cluster),
                "waiting": len(mirror.waiting),
                "running": len(mirror.running),
            },
        )

    def _failed(self, error: Exception) -> None:
        expected = isinstance(error, hal.AdapterError)
        self.fault = str(error) if expected else f"{type(error).__name__}: {error}"
        self.counts["faults"] += 1
        wait = self._backoff.next()
        log.error(
            "the orchestrator failed",
            extra={"error": self.fault, "retry_in_s": round(wait, 3)},
            exc_info=None if expected else error,
        )
        self._stop.wait(wait)
