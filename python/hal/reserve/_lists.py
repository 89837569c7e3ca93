"""Orders in which the list scheduler may take requests, and the best plan that it finds by them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hal.errors import HalError
from hal.reserve._problem import NEVER, Problem
from hal.reserve._value import Value
from hal.reserve.objective import EnergyPrice

__all__ = ["Draft", "Drafts", "orders"]

Ints = NDArray[np.int64]


class Draft(NamedTuple):
    """A plan as columns: starts, and the bins of each request's tasks."""

    start: Ints
    first: Ints
    bins: NDArray[np.int32]

    @property
    def missing(self) -> int:
        """Requests without a place."""
        return int((self.start == NEVER).sum())


def orders(problem: Problem, value: Value) -> Iterator[Ints]:
    """Yield orders that each suit some mix: what cannot move first, then by urgency, weight, size or slack."""
    p = problem
    slack = p.deadline - p.release - p.duration
    pinned = np.where(slack == 0, 0, 1)
    tied = np.where(p.deadline < 2**40, 0, 1)
    named = np.where(p.tasks == 0, 0, 1)  # needs these very nodes: others can go elsewhere
    share = p.demand[:, :3] / np.maximum(p.site.capacity[:, :3].sum(axis=0), 1)
    width = np.where(p.whole == 1, 1 / max(1, len(p.site.nodes)), share.max(axis=1)) * p.tasks
    area = p.duration * np.maximum(width, 1e-9)
    weight = np.maximum(p.weight, 1e-6)
    keys: list[tuple[NDArray[np.generic], ...]] = [
        (p.due, p.release),
        (p.due - p.duration, p.release),
        (area / weight, p.release),
        (p.duration / weight, p.release),
        (p.release, area / weight),
        (-width, p.due),
        (-p.duration, -width),
        (slack, p.due),
    ]
    if isinstance(value.objective, EnergyPrice):
        keys.insert(0, (-area * p.watts, p.release))
    rows = np.arange(len(p))
    for key in keys:
        for first in (tied, np.zeros_like(tied)):
            yield np.lexsort((rows, *reversed(key), first, pinned, named if first is tied else first))


class Drafts:
    """Keeps the best checked plan seen so far."""

    def __init__(self, problem: Problem, value: Value) -> None:
        self.problem, self.value = problem, value
        self.best: Draft | None = None
        self.best_value: int | None = None

    def offer(self, order: Ints, not_before: Ints) -> Draft:
        """Plan by an order and keep the outcome if it is better; its fewer missing requests count first."""
        draft = Draft(*self.problem.core.list_schedule(order.astype(np.int32), not_before.astype(np.int64)))
        return self.keep(draft)

    def keep(self, draft: Draft) -> Draft:
        """Check a plan and keep it if it is better."""
        breaches = self.problem.core.check(*draft)
        if len(breaches[0]):
            row = int(breaches[1][0])
            raise HalError(
                f"a plan broke rule {int(breaches[0][0])} at {self.problem.entries[row].name!r}: please report this"
            )
        if draft.missing:
            if self.best is None or draft.missing < self.best.missing:
                self.best = draft
            return draft
        worth = self.value(draft.start)
        if self.best_value is None or worth < self.best_value:
            self.best, self.best_value = draft, worth
        return draft

    def offer_all(self, given: Iterable[Ints], not_before: Ints) -> None:
        """Offer every order."""
        for order in given:
            self.offer(order, not_before)

    def cheap_starts(self, last: Ints) -> Ints:
        """Return the start of each row that would cost least if it were alone, for prices that change."""
        objective = self.value.objective
        assert isinstance(objective, EnergyPrice)
        p, out = self.problem, self.problem.release.copy()
        for row in range(len(p)):
            low, high = int(p.release[row]), int(last[row] - p.duration[row])
            breaks = np.concatenate([[low, high], objective.times, objective.times - p.duration[row]])
            points = np.unique(breaks[(breaks >= low) & (breaks <= high)])
            if len(points):
                paid = objective.integral(points + p.duration[row]) - objective.integral(points)
                out[row] = points[int(np.argmin(paid))]
        return out
