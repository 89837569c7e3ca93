"""Quotas and fair order the plain way: every figure from scratch at every step, in dicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hal import Job, Queue

RESOURCES = ("cpus", "memory", "gpus", "licence")


def need(job: Job) -> dict[str, float]:
    """What the whole job takes, in CPUs, MiB and GPUs."""
    share = 0 if job.gpus == 0 else job.gpu_milli / 1000
    each = {
        "cpus": job.cpu_milli / 1000,
        "memory": job.memory_mib,
        "gpus": int(job.gpus) * share,
        "licence": job.resources.get("licence", 0),
    }
    return {resource: amount * job.tasks for resource, amount in each.items()}  # type: ignore[operator]


class PlainTree:
    """A tree by name; `started` jobs are all that uses anything."""

    def __init__(self, queues: Sequence[Queue]) -> None:
        self.queues = {queue.name: queue for queue in queues}
        self.children: dict[str, list[str]] = {"": []}
        for queue in queues:
            self.children.setdefault(queue.parent, []).append(queue.name)
            self.children.setdefault(queue.name, [])
        self.started: list[Job] = []

    def leaves(self, queue: str = "") -> list[str]:
        below = self.children[queue]
        return [queue] if not below else [leaf for child in below for leaf in self.leaves(child)]

    def used(self, queue: str, resource: str) -> float:
        inside = set(self.leaves(queue))
        return sum(need(job)[resource] for job in self.started if job.queue in inside)

    def guarantee(self, queue: str, resource: str) -> float:
        if queue and resource in self.queues[queue].guarantee:
            return self.queues[queue].guarantee[resource]  # type: ignore[return-value]
        return sum(self.guarantee(child, resource) for child in self.children[queue])

    def held(self, queue: str, resource: str) -> float:
        below = self.children[queue]
        inside = sum(self.held(child, resource) for child in below) if below else self.used(queue, resource)
        if queue and not self.queues[queue].lend:
            return max(inside, self.guarantee(queue, resource))
        return inside

    def over(self) -> list[tuple[str, str]]:
        """Queues and resources beyond their maximum."""
        return [
            (name, resource)
            for name, queue in self.queues.items()
            for resource, most in queue.maximum.items()
            if self.held(name, resource) > most  # type: ignore[operator]
        ]

    def fits(self, job: Job) -> bool:
        """No quota of what the job asks for would be broken."""
        self.started.append(job)
        broken = {
            (queue, resource)
            for queue, resource in self.over()
            if need(job)[resource] > 0 and job.queue in self.leaves(queue)
        }
        self.started.pop()
        return not broken


def plain_order(
    queues: Sequence[Queue],
    jobs: Sequence[Job],
    capacity: Mapping[str, float],
    average: Mapping[str, Mapping[str, float]] | None = None,
) -> tuple[list[str], list[str]]:
    """Names that start, in order, and names that wait: progressive filling without any bookkeeping."""
    tree = PlainTree(queues)
    pending = {leaf: [job for job in jobs if job.queue == leaf] for leaf in tree.leaves()}
    for mine in pending.values():
        mine.sort(key=lambda job: -job.priority)
    waiting: list[str] = []

    def key(queue: str) -> tuple[bool, float]:
        used = {r: tree.used(queue, r) for r in RESOURCES}
        guaranteed = {r: tree.guarantee(queue, r) for r in RESOURCES}
        within = all(used[r] <= guaranteed[r] for r in RESOURCES)
        if within and any(used[r] < guaranteed[r] for r in RESOURCES):
            return False, max((used[r] / guaranteed[r] for r in RESOURCES if used[r]), default=0)
        past = (average or {}).get(queue, {})
        amounts = {r: used[r] + past.get(r, 0) for r in RESOURCES}
        share = max((amounts[r] / capacity[r] for r in RESOURCES if amounts[r]), default=0)
        return True, share / tree.queues[queue].weight

    while any(pending.values()):
        queue = ""
        while children := tree.children[queue]:
            alive = [child for child in children if any(pending[leaf] for leaf in tree.leaves(child))]
            queue = min(alive, key=key)
        job = pending[queue].pop(0)
        if tree.fits(job):
            tree.started.append(job)
        else:
            waiting.append(job.name)
    return [job.name for job in tree.started], waiting
