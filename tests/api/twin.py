"""The plain twin of a cluster: dictionaries, a scan of every node, and each policy's formula as written."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import hal


@dataclass
class TwinNode:
    """A node as described, and what is free on it."""

    spec: hal.Node
    cpu: int
    memory: int
    gpus: list[int]
    extended: dict[str, int]
    tasks: list[hal.Job] = field(default_factory=list)

    @classmethod
    def of(cls, spec: hal.Node) -> TwinNode:
        return cls(spec, spec.cpu_milli, spec.memory_mib, [1000] * len(spec.gpus), dict(spec.resources))


def share_on(job: hal.Job, gpu: hal.GPU) -> int:
    """Milli-GPU of this device that one task takes; over 1000: it cannot."""
    if job.gpu_milli:
        return job.gpu_milli if not job.gpu_memory or gpu.memory >= job.gpu_memory else 1001
    if not gpu.memory or job.gpu_memory > gpu.memory:
        return 1001
    return -(-1000 * job.gpu_memory // gpu.memory)


def selects(requirement: hal.Selector, labels: dict[str, str]) -> bool:
    value = labels.get(requirement.key)
    match requirement.op:
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "In":
            return value is not None and value in requirement.values
        case "NotIn":
            return value is None or value not in requirement.values
    raise AssertionError(requirement.op)


def tolerates(job: hal.Job, taint: hal.Taint) -> bool:
    return taint.effect == "PreferNoSchedule" or any(
        (t.key in ("", taint.key))
        and (t.op == "Exists" or t.value == taint.value)
        and t.effect in ("", taint.effect)
        for t in job.tolerations
    )


def fitting_devices(node: TwinNode, job: hal.Job) -> list[int]:
    return [
        index
        for index, (gpu, free) in enumerate(zip(node.spec.gpus, node.gpus, strict=True))
        if (not job.gpu_models or gpu.model in job.gpu_models) and share_on(job, gpu) <= free
    ]


def fits(node: TwinNode, job: hal.Job) -> bool:
    """Whether one task of the job may run on the node now."""
    return (
        node.spec.schedulable
        and all(selects(requirement, dict(node.spec.labels)) for requirement in job.selector)
        and all(tolerates(job, taint) for taint in node.spec.taints)
        and node.cpu >= job.cpu_milli
        and node.memory >= job.memory_mib
        and all(node.extended.get(name, 0) >= amount for name, amount in job.resources.items())
        and len(fitting_devices(node, job)) >= job.gpus
    )


def take(node: TwinNode, job: hal.Job, devices: tuple[int, ...], sign: int = 1) -> None:
    """Book one task (sign 1) or give it back (-1)."""
    node.cpu -= sign * job.cpu_milli
    node.memory -= sign * job.memory_mib
    for name, amount in job.resources.items():
        if amount:
            node.extended[name] -= sign * amount
    for device in devices:
        node.gpus[device] -= sign * share_on(job, node.spec.gpus[device])
    node.tasks.append(job) if sign > 0 else node.tasks.remove(job)


def room_when_empty(spec: hal.Node, job: hal.Job) -> int:
    """Tasks of the job that the node holds when nothing else runs there, however cleverly they share devices."""
    node = TwinNode.of(spec)
    room = job.tasks if fits(node, job) else 0
    for have, ask in (
        (node.cpu, job.cpu_milli),
        (node.memory, job.memory_mib),
        *((node.extended.get(name, 0), amount) for name, amount in job.resources.items()),
    ):
        room = min(room, have // ask) if ask else room  # type: ignore[operator]
    if not job.gpus:
        return int(room)
    shares = [1000 // share_on(job, spec.gpus[device]) for device in fitting_devices(node, job)]
    # A task takes each device once, so that of t tasks a device serves t at most.
    while room and sum(min(share, room) for share in shares) < room * job.gpus:
        room -= 1
    return int(room)


class Scores:
    """Every built-in formula on plain nodes. Jobs take GPU shares as such, not by memory."""

    def __init__(self, nodes: list[TwinNode]) -> None:
        self.largest = (
            max((node.spec.cpu_milli for node in nodes), default=0),
            max((node.spec.memory_mib for node in nodes), default=0),
            1000 * max((len(node.spec.gpus) for node in nodes), default=0),
        )

    def _parts(self, node: TwinNode, job: hal.Job) -> list[tuple[int, int, int]]:
        amounts = (
            (node.cpu, job.cpu_milli),
            (node.memory, job.memory_mib),
            (sum(node.gpus), job.gpus * job.gpu_milli),
        )
        return [(free, ask, most) for (free, ask), most in zip(amounts, self.largest, strict=True) if most]

    def first_fit(self, node: TwinNode, job: hal.Job) -> float:
        return 1

    def best_fit(self, node: TwinNode, job: hal.Job) -> float:
        parts = self._parts(node, job)
        return 1 - sum((free - ask) / most for free, ask, most in parts) / max(len(parts), 1)

    def worst_fit(self, node: TwinNode, job: hal.Job) -> float:
        parts = self._parts(node, job)
        return sum((free - ask) / most for free, ask, most in parts) / max(len(parts), 1)

    def dot_product(self, node: TwinNode, job: hal.Job) -> float:
        parts = self._parts(node, job)
        return 1 - sum((free / most) * (ask / most) for free, ask, most in parts) / max(len(parts), 1)

    def pack_spread(self, node: TwinNode, job: hal.Job, p: float = 0.5) -> float:
        capacity = (node.spec.cpu_milli, node.spec.memory_mib, 1000 * len(node.gpus))
        free = (node.cpu, node.memory, sum(node.gpus))
        ask = (job.cpu_milli, job.memory_mib, job.gpus * job.gpu_milli)
        used = [(c - f + a) / c for c, f, a in zip(capacity, free, ask, strict=True) if c]
        return min(max(1 - abs(max(used, default=0) - (1 - p)), 0), 1)

    def spread(self, node: TwinNode, job: hal.Job) -> float:
        return self.pack_spread(node, job, 1)

    def gpu_packing(self, node: TwinNode, job: hal.Job) -> float:
        if not job.gpus:
            return 0
        idle = node.gpus.count(1000)
        if idle == len(node.gpus):
            return max(33 - idle, idle) / 100
        used = sorted(free for free in node.gpus if free >= job.gpu_milli)[: job.gpus]
        if fresh := used.count(1000):
            return max(50 - fresh, 33) / 100
        return max(100 - sum(free // 10 for free in used) // 10, 50) / 100

    def gpu_clustering(self, node: TwinNode, job: hal.Job) -> float:
        if not job.gpus:
            return 0
        scale = max(self.largest[2], 1000)
        kinds = {kind(task) for task in node.tasks if task.gpus}
        bonus = (75 if kinds == {kind(job)} else 50) if kind(job) in kinds else 0 if kinds else 25
        return (25 * (scale - sum(node.gpus)) // scale + bonus) / 100

    def fgd(self, node: TwinNode, job: hal.Job, typical: list[tuple[hal.Job, int]]) -> float:
        before = fragmentation(node, node.cpu, node.gpus, typical)
        cpu = node.cpu - job.cpu_milli
        devices = fitting_devices(node, job)
        if job.gpus == 1 and job.gpu_milli < 1000:
            choices = [[device] for device in devices]
        else:
            tightest = sorted(devices, key=lambda device: (node.gpus[device], device))
            choices = [tightest[: job.gpus]]
        after = []
        for choice in choices:
            left = [free - job.gpu_milli * (device in choice) for device, free in enumerate(node.gpus)]
            after.append(fragmentation(node, cpu, left, typical))
        return math.floor(100 / (1 + math.exp(-(before - min(after)) / 1000))) / 100


def kind(job: hal.Job) -> int:
    return 0 if job.gpu_milli < 1000 else job.gpus


def fragmentation(node: TwinNode, cpu: int, free: list[int], typical: list[tuple[hal.Job, int]]) -> float:
    lost = 0.0
    for task, count in typical:
        may = [
            value
            for value, gpu in zip(free, node.spec.gpus, strict=True)
            if (not task.gpu_models or gpu.model in task.gpu_models) and value >= task.gpu_milli
        ]
        usable = sum(may) if task.gpus and len(may) >= task.gpus and cpu >= task.cpu_milli else 0
        lost += count * (sum(free) - usable)
    return lost / sum(count for _, count in typical)
