"""Cutting work that is to be carried out into portions, and putting the answers together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from hal.adapters.contract import Applied, Outcome
from hal.adapters.kubernetes.promises import Task, Work

__all__ = ["bursts", "parts", "together"]

#: Pods of gangs that one note in the lease may name: it must stay far below what an object may hold.
_PLAN: Final = 1000
#: Bindings sent without waiting for an answer in between.
_BURST: Final = 16


def bursts(tasks: Sequence[Task], workers: int) -> Iterator[Sequence[Task]]:
    """Cut tasks into bursts, shorter towards the end so that all connections are done at about the same time."""
    begin = 0
    while left := len(tasks) - begin:
        end = begin + min(_BURST, max(1, left // (2 * workers)))
        yield tasks[begin:end]
        begin = end


def parts(works: Sequence[Work]) -> Iterator[list[Work]]:
    """Cut the work so that the plan of each part's gangs stays small, and the lease is renewed between."""
    part: list[Work] = []
    pods = 0
    for work in works:
        if part and pods + len(work.tasks) > _PLAN:
            yield part
            part, pods = [], 0
        part.append(work)
        pods += len(work.tasks)
    if part:
        yield part


def together(job: str, answers: Sequence[Applied]) -> Applied:
    """Return the answer for a job from those for its pods: as good as the worst."""
    worst = (
        Outcome.UNKNOWN,
        Outcome.CONFLICT,
        Outcome.REFUSED,
        Outcome.GONE,
        Outcome.APPLIED,
        Outcome.ALREADY,
    )
    if not answers:
        return Applied(job, Outcome.GONE, "a pod or a node of it is gone")
    first = min(answers, key=lambda answer: worst.index(answer.outcome))
    return Applied(job, first.outcome, first.detail)
