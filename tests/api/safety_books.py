"""The twin's side of the safety machine: what runs where, kept by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import hal
from tests.api.twin import TwinNode, take


class Task(NamedTuple):
    """One task: the request (the job, or a role of its gang), and where it runs."""

    role: hal.Job
    node: str
    devices: tuple[int, ...]


@dataclass
class Ran:
    """A running job and its tasks, in rank order."""

    job: hal.Job
    tasks: list[Task]


class Books:
    """A cluster, its nodes as plain twins, and the running jobs."""

    def __init__(self) -> None:
        super().__init__()
        self.cluster = hal.Cluster()
        self.nodes: dict[str, TwinNode] = {}
        self.running: dict[str, Ran] = {}
        self.made = self.joined = 0

    def fresh(self, prefix: str) -> str:
        self.made += 1
        return f"{prefix}{self.made}"

    def book(self, job: hal.Job, answer: hal.Placement) -> None:
        self.running[job.name] = Ran(job, [])
        for task in tasks_of(job, answer):
            self.start_task(job.name, task)

    def start_task(self, name: str, task: Task) -> None:
        take(self.nodes[task.node], task.role, task.devices)
        self.running[name].tasks.append(task)

    def stop_task(self, name: str, task: Task) -> None:
        take(self.nodes[task.node], task.role, task.devices, sign=-1)
        self.running[name].tasks.remove(task)

    def unbook(self, name: str) -> None:
        for task in list(self.running[name].tasks):
            self.stop_task(name, task)
        del self.running[name]

    def jobs_on(self, node: str) -> set[str]:
        return {name for name, ran in self.running.items() if any(task.node == node for task in ran.tasks)}

    def lose(self, node: str) -> None:
        """The node leaves with what runs there; a gang that is left with too little ends whole."""
        for name in self.jobs_on(node):
            ran = self.running[name]
            for task in [task for task in ran.tasks if task.node == node]:
                self.stop_task(name, task)
            if not ran.tasks or not whole(ran):
                self.unbook(name)
        del self.nodes[node]

    def placed(self) -> list[tuple[hal.Job, str]]:
        """Every running task as its job and node, as `tests.rules.rule_twin` takes them."""
        return [(ran.job, task.node) for ran in self.running.values() for task in ran.tasks]


def tasks_of(job: hal.Job, answer: hal.Placement) -> list[Task]:
    roles = {role.name: role for role in (job, *(job.gang.roles if job.gang else ()))}
    names = answer.roles or [job.name] * len(answer.nodes)
    return [Task(roles[n], *at) for n, *at in zip(names, answer.nodes, answer.gpus, strict=True)]


def counts(ran: Ran) -> list[int]:
    """Tasks of each role."""
    gang = ran.job.gang
    roles = [ran.job, *(gang.roles if gang else ())]
    return [sum(task.role is role for task in ran.tasks) for role in roles]


def bounds(job: hal.Job) -> list[tuple[int, int, int]]:
    """Least, most and slice of each role."""
    gang = job.gang or hal.Gang()
    rows = []
    for role in (job, *gang.roles):
        own = role.gang or hal.Gang()
        rows.append((role.tasks if own.min_tasks is None else own.min_tasks, role.tasks, own.slice))
    return rows


def whole(ran: Ran) -> bool:
    """Whether a gang has its least of every role, in whole slices; other jobs always are."""
    return ran.job.gang is None or all(
        least <= count <= most and count % size == 0
        for count, (least, most, size) in zip(counts(ran), bounds(ran.job), strict=True)
    )
