"""A batch queue in plain Python, straight from the rules: the twin that the compiled one is held against."""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass

STEPS = [60, 300, 900, 1800, 3600, 7200, 18000, 36000, 72000, 180000, 360000]
EXPIRED, SUBMITTED, ENDED = range(3)


@dataclass
class Job:
    submit: int
    run: int
    procs: int
    requested: int
    user: int = 0
    priority: float = 0.0
    given: int = 0
    start: int | None = None
    predicted: int = 0
    first: int = 0
    corrections: int = 0

    @property
    def predicted_end(self) -> int:
        return self.start + self.predicted


def order_key(order: str, job: Job, now: int, *, ageing: float = 0.0, max_age: float = math.inf) -> float:
    wait, run = now - job.submit, max(1, job.predicted)
    if order == "sjf":
        return job.predicted
    if order == "ljf":
        return -job.predicted
    if order == "wfp3":
        return -((wait / run) ** 3) * job.procs
    if order == "unicef":
        if job.procs == 1:
            return -math.inf if wait else 0.0
        return -wait / (math.log2(job.procs) * run)
    if order == "f1":
        return math.log10(run) * job.procs + 870 * math.log10(max(1, job.submit))
    if order == "priority":
        return -(job.priority + ageing * min(wait, max_age))
    return 0.0


def replay(
    jobs: list[Job],
    processors: int,
    *,
    order: str = "fcfs",
    backfill: str = "easy",
    predict: str = "requested",
    correct: str = "increments",
    ageing: float = 0.0,
    max_age: float = math.inf,
) -> list[int]:
    """Return the start of each job; jobs are in order of submission."""
    events = [(job.submit, SUBMITTED, number, number) for number, job in enumerate(jobs)]
    heapq.heapify(events)
    sequence = len(jobs)
    queue: list[int] = []
    running: list[int] = []
    history: dict[int, list[int]] = {}

    def free(now: int) -> int:
        return processors - sum(jobs[i].procs for i in running if jobs[i].predicted_end > now)

    def start(i: int, now: int) -> None:
        nonlocal sequence
        job = jobs[i]
        queue.remove(i)
        job.start = now
        running.append(i)
        sequence += 1
        heapq.heappush(events, (now + job.run, ENDED, sequence, i))
        if job.predicted < job.run:
            heapq.heappush(events, (now + job.predicted, EXPIRED, sequence, i))

    def schedule(now: int) -> None:
        queue.sort(key=lambda i: (order_key(order, jobs[i], now, ageing=ageing, max_age=max_age), i))
        while queue and jobs[queue[0]].procs <= free(now):
            start(queue[0], now)
        if not queue or backfill == "none":
            return
        head = jobs[queue[0]]
        moments = sorted({jobs[i].predicted_end for i in running if jobs[i].predicted_end > now})
        shadow = next(t for t in moments if free(t) >= head.procs)
        candidates = queue[1:]
        if backfill == "easy_sjbf":
            candidates.sort(key=lambda i: (jobs[i].predicted, i))
        for i in candidates:
            job = jobs[i]
            fits_beside = now + job.predicted <= shadow or job.procs <= free(shadow) - head.procs
            if job.procs <= free(now) and fits_beside:
                start(i, now)

    while events:
        now, kind, _, i = heapq.heappop(events)
        job = jobs[i]
        if kind == EXPIRED:
            if correct == "increments" and job.corrections < len(STEPS):
                longer = min(job.requested, job.first + STEPS[job.corrections])
            elif correct == "doubling":
                longer = min(job.requested, max(1, 2 * job.predicted))
            else:
                longer = job.requested
            if longer > job.predicted:
                job.predicted = longer
                job.corrections += 1
                if longer < job.run:
                    sequence += 1
                    heapq.heappush(events, (job.predicted_end, EXPIRED, sequence, i))
            continue
        if kind == SUBMITTED:
            past = history.get(job.user, [])
            job.predicted = {
                "requested": job.requested,
                "actual": job.run,
                "given": job.given,
                "last_two": min(job.requested, sum(past) // 2) if len(past) == 2 else job.requested,
            }[predict]
            job.first = job.predicted
            queue.append(i)
        else:
            running.remove(i)
            history[job.user] = [*history.get(job.user, []), job.run][-2:]
        schedule(now)
    return [job.start for job in jobs]
