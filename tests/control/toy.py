"""A toy plant: a cluster reduced to one equation, and readings made of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field


@dataclass
class Reading:
    """The attributes of hal.signals.Signals, free to be wrong."""

    time: float = 0.0
    sigma: float = 1.0
    entropy: float = 0.0
    drift: float = 0.0
    potential: float = 0.0
    fragmentation: float = 0.0
    stranded: float = 0.0
    blocking: float = 0.0
    oldest_gang: float = 0.0
    utilisation: float = 0.5
    pending: int = 0
    pending_work: float = 0.0


@dataclass
class Plant:
    """Busy nodes drift towards the level 1 - p (not below the load) as jobs turn over, with a time constant."""

    load: float = 0.5
    turnover: float = 300.0
    step: float = 10.0
    p: float = 0.5
    level: float = 0.75
    time: float = 0.0
    seen: list[float] = field(default_factory=list)

    def advance(self) -> Reading:
        wanted = max(1 - self.p, self.load)
        self.level += (wanted - self.level) * -math.expm1(-self.step / self.turnover)
        self.time += self.step
        sigma = min(self.load / self.level, 1.0)
        return Reading(time=self.time, sigma=sigma, utilisation=sigma * self.level)

    def run(self, controller, steps: int) -> list[float]:
        for _ in range(steps):
            self.p = controller.observe(self.advance()).p
            controller.applied(self.p)
            self.seen.append(self.p)
        return self.seen[-steps:]
