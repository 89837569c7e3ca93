"""A batch queue in plain Python, straight from the rules: the twin that the compiled one is held against."""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from dataclasses import dataclass

STEPS = [60, 300, 900, 1800, 3600, 7200, 18000, 36000, 72000, 180000, 360000]
EXPIRED, SUBMITTED, ENDED, DUE = range(4)


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
    planned: int | None = None
    promise: int = -1
    corrections: int = 0
    rank: int = 0  # of entering the queue
    entered: int = -1

    @property
    def predicted_end(self) -> int:
        return self.start + self.predicted


def order_key(order: str, job: Job, now: int, *, ageing: float = 0.0, max_age: float = math.inf) -> float:
    wait, run = now - job.entered, max(1, job.predicted)
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
        return math.log10(run) * job.procs + 870 * math.log10(max(1, job.entered))
    if order == "priority":
        return -(job.priority + ageing * min(wait, max_age))
    return 0.0


class Use:
    """A user's processors, averaged over the past; the steps of the recurrence are those of the core, bit by bit."""

    def __init__(self, half_life: float) -> None:
        self.half_life, self.mean, self.procs, self.at = half_life, 0.0, 0, 0

    def until(self, now: int) -> float:
        kept = math.exp2(-(now - self.at) / self.half_life)
        return self.mean * kept + self.procs * (1.0 - kept)

    def change(self, now: int, procs: int) -> None:
        self.mean, self.at, self.procs = self.until(now), now, self.procs + procs


class Plan:
    """Reservations of conservative backfilling, looked up point by point."""

    def __init__(self, jobs: list[Job], processors: int, running: list[int]) -> None:
        self.jobs, self.processors, self.running = jobs, processors, running

    def spans(self, queue: list[int], now: int) -> list[tuple[int, int, int]]:
        held = [(now, self.jobs[i].predicted_end, self.jobs[i].procs) for i in self.running]
        planned = [self.jobs[i] for i in queue if self.jobs[i].planned is not None]
        return held + [(job.planned, job.planned + job.predicted, job.procs) for job in planned]

    def used(self, spans: list[tuple[int, int, int]], time: int) -> int:
        return sum(procs for begin, end, procs in spans if begin <= time < end)

    def overbooked(self, queue: list[int], now: int) -> bool:
        spans = self.spans(queue, now)
        return any(self.used(spans, max(now, begin)) > self.processors for begin, _, _ in spans)

    def replace(self, queue: list[int], moved: list[int], now: int) -> None:
        """Lift each job of ``moved`` out of the plan and put it at its earliest start, one after the other."""
        for i in moved:
            job, old = self.jobs[i], self.jobs[i].planned
            job.planned = None
            spans = self.spans(queue, now)
            for start in sorted({now} | {end for _, end, _ in spans if end > now}):
                end = start + job.predicted
                points = {start} | {begin for begin, _, _ in spans if start < begin < end}
                if all(self.used(spans, point) + job.procs <= self.processors for point in points):
                    job.planned = start
                    break
            if old is not None and job.planned > old:
                assert job.predicted == 0  # takes no room, so others may have taken it
                job.planned = old


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
    half_life: float = 604_800.0,
    depth: int = 100,
    window: int = 86_400,
    resolution: int = 60,
    after: list[tuple[int, int, str, int]] = (),
    failed: set[int] = frozenset(),
) -> list[int]:
    """Return the start of each job, None if it never ran; jobs are in order of submission.

    ``after``: (job, the one it waits for, "ok", "any" or "start", seconds after that).
    """
    missing = {i: [entry for entry in after if entry[0] == i] for i in range(len(jobs))}
    earliest = [job.submit for job in jobs]
    never: set[int] = set()
    entering = 0
    events = [(job.submit, SUBMITTED, i, i) for i, job in enumerate(jobs) if not missing[i]]
    heapq.heapify(events)
    sequence = len(jobs)
    queue: list[int] = []
    running: list[int] = []
    history: dict[int, list[int]] = {}
    use: defaultdict[int, Use] = defaultdict(lambda: Use(half_life))
    plan = Plan(jobs, processors, running)
    freed = extended = False
    due: set[int] = set()

    def free(now: int) -> int:
        return processors - sum(jobs[i].procs for i in running if jobs[i].predicted_end > now)

    def start(i: int, now: int) -> None:
        nonlocal sequence
        job = jobs[i]
        queue.remove(i)
        job.start = now
        running.append(i)
        use[job.user].change(now, job.procs)
        sequence += 1
        heapq.heappush(events, (now + job.run, ENDED, sequence, i))
        if job.predicted < job.run:
            heapq.heappush(events, (now + job.predicted, EXPIRED, sequence, i))
        happened(now, i, "started")

    def happened(now: int, other: int, what: str) -> None:
        """``what``: started, well, badly or never."""
        met = {"started": {"start"}, "well": {"ok", "any"}, "badly": {"any"}, "never": {"any"}}[what]
        lost = {"started": set(), "well": set(), "badly": {"ok"}, "never": {"ok", "start"}}[what]
        for entry in after:
            i, waits_for, kind, delay = entry
            if waits_for != other or i in never:
                continue
            if kind in lost:
                never.add(i)
                happened(now, i, "never")
            elif kind in met:
                missing[i].remove(entry)
                earliest[i] = max(earliest[i], now + delay)
                if not missing[i]:
                    heapq.heappush(events, (earliest[i], SUBMITTED, i, i))

    def schedule(now: int) -> None:
        nonlocal freed, extended
        if order == "fair_share":
            queue.sort(key=lambda i: (use[jobs[i].user].until(now), jobs[i].rank))
        else:
            queue.sort(
                key=lambda i: (order_key(order, jobs[i], now, ageing=ageing, max_age=max_age), jobs[i].rank)
            )
        if backfill == "conservative":
            if extended and plan.overbooked(queue, now):
                for i in queue:
                    jobs[i].planned = None
                plan.replace(queue, queue, now)
            elif freed:
                plan.replace(queue, queue, now)
            freed = extended = False
            for i in list(queue):
                if jobs[i].planned == now:
                    start(i, now)
                else:
                    assert jobs[i].planned > now
                    if jobs[i].planned not in due:
                        due.add(jobs[i].planned)
                        heapq.heappush(events, (jobs[i].planned, DUE, 0, 0))
            return
        if backfill == "slots":
            slots = [free(now + k * resolution) for k in range(window // resolution)]
            for i in queue[:depth]:
                length = max(1, -(-jobs[i].predicted // resolution))
                for k in range(len(slots)):
                    if all(room >= jobs[i].procs for room in slots[k : k + length]):
                        slots[k : k + length] = [room - jobs[i].procs for room in slots[k : k + length]]
                        if k == 0:
                            start(i, now)
                        break
            return
        while queue and jobs[queue[0]].procs <= free(now):
            start(queue[0], now)
        if not queue or backfill == "none":
            return
        head = jobs[queue[0]]
        moments = sorted({jobs[i].predicted_end for i in running if jobs[i].predicted_end > now})
        shadow = next(t for t in moments if free(t) >= head.procs)
        candidates = queue[1:]
        if backfill == "easy_sjbf":
            candidates.sort(key=lambda i: (jobs[i].predicted, jobs[i].rank))
        for i in candidates:
            job = jobs[i]
            fits_beside = now + job.predicted <= shadow or job.procs <= free(shadow) - head.procs
            if job.procs <= free(now) and fits_beside:
                start(i, now)

    while events:
        now, kind, _, i = heapq.heappop(events)
        job = jobs[i]
        if kind == DUE:
            if any(
                jobs[i].planned == now for i in queue
            ):  # else an end at the same moment has started them already
                schedule(now)
            continue
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
                extended = True
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
            job.rank, job.entered = entering, now
            entering += 1
            queue.append(i)
            if backfill == "conservative":
                plan.replace(queue, [i], now)
                job.promise = job.planned
        else:
            running.remove(i)
            use[job.user].change(now, -job.procs)
            freed = freed or job.predicted_end > now
            happened(now, i, "badly" if i in failed else "well")
            history[job.user] = [*history.get(job.user, []), job.run][-2:]
        schedule(now)
    return [job.start for job in jobs]
