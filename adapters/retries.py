"""When what failed is tried again."""

from __future__ import annotations

import random
from collections.abc import Callable, Container
from dataclasses import dataclass, field

__all__ = ["Backoff", "Retries"]

#: Seconds for which it is remembered how often a job failed that waits no more: it may come back.
_REMEMBERED = 600.0


@dataclass
class Backoff:
    """Waits that double from ``first`` to ``most`` seconds, up to half of each at random so that retries spread."""

    first: float = 0.5
    most: float = 60.0
    random: random.Random = field(default_factory=lambda: random.Random(0))
    tries: int = 0

    def next(self) -> float:
        """Seconds to wait before the next try."""
        whole: float = min(self.most, self.first * 2**self.tries)
        self.tries = min(self.tries + 1, 32)
        return whole * (0.5 + self.random.random() / 2)


class Retries:
    """Jobs that are not tried again before a while: each time twice as long.

    Parameters
    ----------
    wait : float
        Seconds the first time.
    random : Random
        Of the random part of the waits.
    clock : callable
        Seconds that never go back.
    """

    def __init__(self, wait: float, random: random.Random, clock: Callable[[], float]) -> None:
        self._wait, self._random, self._clock = wait, random, clock
        self._jobs: dict[str, tuple[Backoff, float]] = {}

    def __len__(self) -> int:
        return len(self._jobs)

    @property
    def put_off(self) -> int:
        """Jobs that are not tried again before a while."""
        now = self._clock()
        return sum(not self.due(job, now) for job in list(self._jobs))

    def due(self, job: str, now: float) -> bool:
        """Whether it may be tried."""
        return job not in self._jobs or self._jobs[job][1] <= now

    def later(self, job: str) -> None:
        """Put it off, for longer than before."""
        backoff, _ = self._jobs.get(job, (Backoff(self._wait, random=self._random), 0.0))
        self._jobs[job] = backoff, self._clock() + backoff.next()

    def done(self, job: str) -> None:
        """Forget that it failed."""
        self._jobs.pop(job, None)

    def forget(self, waiting: Container[str], now: float) -> None:
        """Forget the jobs that have not waited for long."""
        self._jobs = {
            job: (backoff, due)
            for job, (backoff, due) in self._jobs.items()
            if job in waiting or due > now - _REMEMBERED
        }
