"""Conservative backfill and slots on nodes in plain Python: CPUs alone, first fit, looked up second by second."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

SUBMITTED, ENDED, DUE = range(3)


@dataclass
class Stay:
    begin: int
    end: int
    nodes: list[int]
    cpus: int


@dataclass
class Nodes:
    """Nodes by their CPUs, and what stands on them when."""

    size: list[int]
    stays: dict[object, Stay] = field(default_factory=dict)

    def used(self, node: int, moment: int) -> int:
        there = [stay for stay in self.stays.values() if stay.begin <= moment < stay.end]
        return sum(stay.cpus * stay.nodes.count(node) for stay in there)

    def room(self, tasks: int, cpus: int, begin: int, end: int) -> list[int] | None:
        moments = [begin] + [stay.begin for stay in self.stays.values() if begin < stay.begin < end]
        free = [
            size - max(self.used(node, moment) for moment in moments) for node, size in enumerate(self.size)
        ]
        nodes = []
        for _ in range(tasks):
            fits = [node for node, left in enumerate(free) if left >= cpus]
            if not fits:
                return None
            nodes.append(fits[0])
            free[fits[0]] -= cpus
        return nodes


def replay(workload, size, needs, *, backfill, holds=(), depth=100, window=600, resolution=7):
    """Return the start, the promise and the nodes of each job; first come, first served, planned by the requests.

    ``size``: CPUs of each node. ``needs``: (tasks, CPUs of each) of each row. ``holds``: (begin, end, node).
    """
    running: dict[int, Stay] = {}
    planned: dict[int, Stay] = {}
    starts: dict[int, int] = {}
    places: dict[int, list[int]] = {}
    promise: dict[int, int] = {}
    waiting: list[int] = []
    events = [(int(at), SUBMITTED, row, row) for row, at in enumerate(workload.submit)]
    events += [(end, DUE, 0, 0) for _, end, _ in holds]
    heapq.heapify(events)
    freed = False
    passed = -1

    def plan(row: int, now: int, before: int = 2**40) -> None:
        length = int(workload.requested[row])
        others = {("run", r): s for r, s in running.items()} | {
            ("plan", r): s for r, s in planned.items() if r != row
        }
        others |= {("hold", i): Stay(b, e, [n], size[n]) for i, (b, e, n) in enumerate(holds)}
        nodes = Nodes(size, others)
        for start in sorted({now} | {stay.end for stay in others.values() if now < stay.end < before}):
            found = nodes.room(*needs[row], start, start + length)
            if found is not None:
                planned[row] = Stay(start, start + length, found, needs[row][1])
                heapq.heappush(events, (start, DUE, 0, 0))
                return

    def begin(row: int, now: int, nodes: list[int]) -> None:
        starts[row], places[row] = now, nodes
        waiting.remove(row)
        running[row] = Stay(now, now + int(workload.requested[row]), nodes, needs[row][1])
        heapq.heappush(events, (now + int(workload.run[row]), ENDED, len(starts), row))

    def conservative(now: int) -> None:
        nonlocal freed
        for row in waiting if freed else ():
            plan(row, now, before=planned[row].begin)
        freed = False
        for row in [row for row in waiting if planned[row].begin == now]:
            begin(row, now, planned.pop(row).nodes)

    def slots(now: int) -> None:
        def up(moment: int) -> int:
            return now - (now - moment) // resolution * resolution

        last = now + window // resolution * resolution
        nodes = Nodes(size, {("run", r): Stay(now, up(s.end), s.nodes, s.cpus) for r, s in running.items()})
        for number, (b, e, n) in enumerate(holds):
            first = now + max(0, b - now) // resolution * resolution
            if e > now:
                nodes.stays["hold", number] = Stay(first, up(e), [n], size[n])
        for row in waiting[:depth]:
            length = up(now + int(workload.requested[row])) - now
            for start in range(now, last, resolution):
                found = nodes.room(*needs[row], start, min(start + length, last))
                if found is None:
                    continue
                nodes.stays["job", row] = Stay(start, start + length, found, needs[row][1])
                unseen = any(last <= b < now + workload.requested[row] for b, _, _ in holds)
                if start == now and not unseen:
                    begin(row, now, found)
                break

    while events:
        now, kind, _, row = heapq.heappop(events)
        for other in list(running):  # what ends this very second as planned counts as gone
            if running[other].end == now == starts[other] + workload.run[other]:
                del running[other]
        if kind == SUBMITTED:
            waiting.append(row)
            if backfill == "conservative":
                plan(row, now)
                promise[row] = planned[row].begin
        elif kind == ENDED and running.pop(row, None):
            freed = True
        elif kind == DUE and now == passed:
            continue  # the queue has been looked at this second
        passed = now
        (conservative if backfill == "conservative" else slots)(now)
    rows = range(len(workload))
    return (
        [starts[row] for row in rows],
        [promise.get(row, -1) for row in rows],
        [places[row] for row in rows],
    )
