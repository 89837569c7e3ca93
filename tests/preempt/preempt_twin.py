"""The plain twin of preemption: every set of victims on small clusters, by fork, release and place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, combinations
from typing import Any

from hal import _core


@dataclass
class Running:
    """A job in the books: its request, where its tasks are, and what stopping one of them loses."""

    name: str
    shape: Any
    nodes: list[str]
    priority: int
    lost: int = 0


@dataclass
class Scene:
    """A cluster as data, so that it can be built again."""

    nodes: list[Any]
    running: list[Running] = field(default_factory=list)

    def build(self, without: frozenset[str] = frozenset()) -> Any:
        cluster = _core.Cluster()
        cluster.add_nodes(self.nodes)
        for job in self.running:
            cluster.bind(job.name, job.shape, [(node, None) for node in job.nodes], job.priority)
        for name in sorted(without):
            cluster.release(name)
        return cluster


def cost(victims: list[Running]) -> tuple[int, int | None, int, int, int]:
    """(jobs, highest priority, sum of priorities, work lost, tasks), the order in which plans compare."""
    return (
        len(victims),
        max((job.priority for job in victims), default=None),
        sum(job.priority for job in victims),
        sum(job.lost * len(job.nodes) for job in victims),
        sum(len(job.nodes) for job in victims),
    )


def subsets(jobs: list[Running]) -> Iterator[tuple[Running, ...]]:
    return chain.from_iterable(combinations(jobs, size) for size in range(len(jobs) + 1))


def cheapest(scene: Scene, job: Any, policy: Any, budgets: list[tuple[str, list[str], int]]) -> Any:
    """The least cost of a set of whole jobs, all with a task on one node, whose leaving makes room; or None."""
    if _core.place_one(scene.build(), job, policy, False).status[0] == 0:
        return cost([])
    lower = [other for other in scene.running if other.priority < job.priority]
    costs = []
    for node in {node for other in lower for node in other.nodes}:
        for victims in subsets([other for other in lower if node in other.nodes]):
            names = frozenset(victim.name for victim in victims)
            within = all(
                sum(len(victim.nodes) for victim in victims if victim.name in members) <= tasks
                for _, members, tasks in budgets
            )
            if within and _core.place_one(scene.build(names), job, policy, False).status[0] == 0:
                costs.append(cost(list(victims)))
    return min(costs, default=None)
