"""Stopping jobs for more important ones, where an adapter can: who is asked for a plan, and how often."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from hal.adapters.contract import Applied, Outcome, Preempts
from hal.adapters.mirror import Mirror

import hal

__all__ = ["Planner"]

log = logging.getLogger("hal.run")

#: Plans made in one pass: each looks at every node where somebody may be stopped.
_MOST: Final = 10
#: Seconds before a job is planned for again.
_PATIENCE: Final = 10.0


class Planner:
    """Plans victims for jobs that found no place, the most important first.

    Parameters
    ----------
    adapter : Preempts
    clock : callable
        Seconds that never go back.
    """

    def __init__(self, adapter: Preempts, clock: Callable[[], float]) -> None:
        self.adapter, self.clock = adapter, clock
        self._not_before: dict[str, float] = {}

    def step(
        self,
        mirror: Mirror,
        jobs: Iterable[hal.Job],
        policy: hal.Policy | str,
        queues: hal.QueueTree | None,
        follow: Callable[[], Mirror],
    ) -> list[Applied]:
        """Make room for jobs; an answer for each plan that was sent.

        Parameters
        ----------
        mirror : Mirror
        jobs : iterable of Job
            That found no place just now.
        policy, queues
            As in `hal.preempt`.
        follow : callable
            Takes in what a plan has changed, and returns the mirror.
        """
        now = self.clock()
        self._not_before = {job: due for job, due in self._not_before.items() if due > now}
        lowest = min((running.job.priority for running in mirror.running.values()), default=0)
        wanting = [job for job in jobs if job.priority > lowest and job.name not in self._not_before]
        answers = []
        for job in sorted(wanting, key=lambda job: -job.priority)[:_MOST]:
            self._not_before[job.name] = now + _PATIENCE
            plan = self._plan(mirror.cluster, job, policy, queues)
            if plan is None:
                continue
            answer = self.adapter.preempt(plan)
            log.info(
                "makes room",
                extra={"job": job.name, "outcome": answer.outcome.value, "stops": len(plan.victims)},
            )
            answers.append(answer)
            after = follow()
            if after is not mirror or answer.outcome is Outcome.UNKNOWN:
                break  # it is not known any more what runs
        return answers

    def _plan(
        self,
        cluster: hal.Cluster,
        job: hal.Job,
        policy: hal.Policy | str,
        queues: hal.QueueTree | None,
    ) -> hal.Preemption | None:
        for bounds in self.adapter.bounds(job.name):
            plan = hal.preempt(cluster, job, policy, budgets=_known(bounds, cluster), queues=queues)
            if plan.status is hal.Status.PLACED and plan.victims:
                return plan
        return None


def _known(budgets: Sequence[hal.Budget], cluster: hal.Cluster) -> list[hal.Budget]:
    """Return budgets of what runs: an orchestrator may know of more."""
    return [
        hal.Budget(
            each.name,
            [job for job in each.jobs if isinstance(job, str) and cluster.runs(job)],
            each.tasks,
        )
        for each in budgets
    ]
