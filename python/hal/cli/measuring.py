"""Prefer nodes that are measured to do less: readings of Prometheus beside a policy, renewed in a thread."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

from hal.energy import Readings
from hal.errors import HalError
from hal.policies import Measured
from hal.policy import Policy

__all__ = ["Measuring", "beside"]

log = logging.getLogger("hal.run")

#: Readings this many times older than they should be are not believed any more.
_STALE: Final = 5


def beside(policy: Policy, readings: Readings, weights: Mapping[str, float]) -> Policy:
    """Return the policy with a scorer of each weighted reading (``load``, ``watts``); as it is where none is known."""
    scorers = dict(policy.scorers)
    for what, weight in weights.items():
        values = getattr(readings, what)
        if weight and values:
            scorers[Measured(values)] = weight
    return Policy(
        scorers, filters=policy.filters, name=policy.name, seed=policy.seed, tie_seed=policy.tie_seed
    )


class Measuring:
    """Hands out a policy with the newest readings, again and again.

    Parameters
    ----------
    policy : Policy
    weights : mapping of str to float
        Of ``load`` and ``watts``.
    read : callable
        Returns `Readings`; what it raises is waited out with the last ones, and after a while without any.
    take : callable
        Gets each new policy.
    every : float
        Seconds.
    clock : callable
        Seconds that never go back.
    """

    def __init__(
        self,
        policy: Policy,
        weights: Mapping[str, float],
        read: Callable[[], Readings],
        take: Callable[[Policy], None],
        *,
        every: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.policy, self.weights, self.read, self.take = policy, weights, read, take
        self.every, self.clock = every, clock
        self._read_at = clock()
        self._fault = ""
        self._any = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hal-measure", daemon=True)

    def start(self) -> None:
        """Read once, then go on in a thread."""
        self.once()
        self._thread.start()

    def once(self) -> None:
        """Read, and hand out the policy that follows; say a fault once."""
        try:
            readings = self.read()
        except HalError as error:
            if not self._fault:
                log.warning("no readings", extra={"error": str(error)})
            self._fault = str(error)
            if self.clock() - self._read_at > _STALE * self.every:
                self.take(self.policy)
            return
        if self._fault:
            log.info("readings again")
        self._fault, self._read_at = "", self.clock()
        self._any = bool(readings.load or readings.watts)
        self.take(beside(self.policy, readings, self.weights))

    def close(self) -> None:
        """End the thread."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        # What is not seen yet, because the nodes have not been read, will be soon.
        while not self._stop.wait(self.every if self._any else min(1.0, self.every)):
            self.once()
