"""EASY on nodes in plain Python over the public API: the twin that the compiled rule is held against."""

from __future__ import annotations

import dataclasses
import heapq

import hal

SUBMITTED, ENDED = range(2)


def replay(workload, cluster, jobs, *, policy, backfill) -> list[int]:
    """Return the start of each job; first come, first served, planned by the requests, which no run exceeds."""
    jobs = [dataclasses.replace(job, name=str(row)) for row, job in enumerate(jobs)]
    cluster = cluster.fork()
    starts: dict[int, int] = {}
    given_back: set[int] = set()
    waiting: list[int] = []
    events = [(int(at), SUBMITTED, row, row) for row, at in enumerate(workload.submit)]
    heapq.heapify(events)

    def planned_end(row: int) -> int:
        return starts[row] + int(workload.requested[row])

    def start(row: int, now: int) -> bool:
        if not hal.place(cluster, jobs[row], policy, apply=True)[0].nodes:
            return False
        begin(row, now)
        return True

    def begin(row: int, now: int) -> None:
        starts[row] = now
        waiting.remove(row)
        heapq.heappush(events, (now + int(workload.run[row]), ENDED, len(starts), row))

    def head_fits(trial: hal.Cluster, until: int, running: list[int]) -> bool:
        for row in running:
            if planned_end(row) <= until:
                trial.release(str(row))
        return bool(hal.place(trial, jobs[waiting[0]], policy)[0].nodes)

    def look(now: int) -> None:
        while waiting and start(waiting[0], now):
            pass
        if not waiting or backfill == "none":
            return
        running = [row for row in starts if cluster.runs(str(row))]
        shadow = min(
            (e for e in map(planned_end, running) if head_fits(cluster.fork(), e, running)), default=None
        )
        order = waiting[1:]
        if backfill == "easy_sjbf":
            order.sort(key=lambda row: (workload.requested[row], row))
        for row in order:
            if shadow is None or now + workload.requested[row] <= shadow:
                start(row, now)
                continue
            trial = cluster.fork()
            if not hal.place(trial, jobs[row], policy, apply=True)[0].nodes:
                continue
            running = [row for row in starts if cluster.runs(str(row))]
            if head_fits(trial, shadow, running):
                start(row, now)

    while events:
        now, kind, _, row = heapq.heappop(events)
        for other in starts:  # what ends this very second as planned counts as gone
            if planned_end(other) == now == starts[other] + workload.run[other] and other not in given_back:
                cluster.release(str(other))
                given_back.add(other)
        if kind == SUBMITTED:
            waiting.append(row)
        elif row not in given_back:
            cluster.release(str(row))
            given_back.add(row)
        look(now)
    return [starts[row] for row in range(len(jobs))]
