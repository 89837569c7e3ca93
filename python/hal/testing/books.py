"""Plain books: what is left of every node after every placement, kept by hand to hold answers against."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from hal.answer import Placement
from hal.gpu import GPU
from hal.model import Job, Node, Selector, Taint

__all__ = ["Books", "Fault", "Room"]


class Fault(NamedTuple):
    """Something that an answer breaks: the name of the check it belongs to, and what is wrong, in words."""

    check: str
    text: str


@dataclass
class Room:
    """What is left of one node: milli-CPU, MiB, milli-GPU of each device, and extended resources."""

    node: Node
    cpu: int
    memory: int
    gpus: list[int]
    extended: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, node: Node) -> Room:
        """Return the room of an empty node."""
        amounts = {name: int(amount) for name, amount in node.resources.items()}
        return cls(node, node.cpu_milli, node.memory_mib, [1000] * len(node.gpus), amounts)


class Books:
    """The books of a cluster without partitions: a scan of dictionaries, slow and easy to believe.

    Parameters
    ----------
    nodes : iterable of Node
        Empty ones.
    """

    def __init__(self, nodes: Iterable[Node] = ()) -> None:
        self.rooms = {node.name: Room.of(node) for node in nodes}

    def fits(self, name: str, job: Job) -> bool:
        """Whether one task of the job may run on the node now."""
        room = self.rooms[name]
        return (
            not refusals(room.node, job)
            and room.cpu >= job.cpu_milli
            and room.memory >= job.memory_mib
            and all(room.extended.get(key, 0) >= int(amount) for key, amount in job.resources.items())
            and len(self.fitting(name, job)) >= job.gpus
        )

    def fitting(self, name: str, job: Job) -> list[int]:
        """Devices of the node that may take a task now, the tightest first."""
        room = self.rooms[name]
        found = [
            index
            for index, (gpu, free) in enumerate(zip(room.node.gpus, room.gpus, strict=True))
            if (not job.gpu_models or gpu.model in job.gpu_models) and share_on(job, gpu) <= free
        ]
        return sorted(found, key=lambda index: (room.gpus[index], index))

    def could_ever_fit(self, job: Job) -> bool:
        """Whether all tasks would fit if nothing ran."""
        empty = Books(room.node for room in self.rooms.values())
        count = 0
        for name in empty.rooms:
            while count < job.tasks and empty.fits(name, job):
                empty.take(job, [name], [tuple(empty.fitting(name, job)[: int(job.gpus)])])
                count += 1
        return count >= job.tasks

    def faults(self, job: Job, answer: Placement) -> list[Fault]:
        """What an answer breaks as the books stand; it is booked when it places the job."""
        if not answer.placed:
            if answer.nodes:
                return [
                    Fault("all_or_nothing", f"{job.name} is not placed and has {len(answer.nodes)} nodes")
                ]
            return []
        out: list[Fault] = []
        least = job.tasks if job.gang is None or job.gang.min_tasks is None else job.gang.min_tasks
        if not least <= len(answer.nodes) <= job.tasks:
            out.append(
                Fault("all_or_nothing", f"{job.name} has {len(answer.nodes)} of its {job.tasks} tasks placed")
            )
        for name, chosen in zip(answer.nodes, answer.gpus, strict=True):
            if name not in self.rooms:
                out.append(Fault("constraints", f"{job.name} is on {name!r}, which is no node"))
                continue
            room = self.rooms[name]
            out += [
                Fault("constraints", f"{job.name} is on {name}: {why}") for why in refusals(room.node, job)
            ]
            out += self._device_faults(job, room, chosen)
            self.take(job, [name], [chosen])
            short = {"milli-CPU": room.cpu, "MiB": room.memory, **room.extended}
            out += [
                Fault("capacity", f"{job.name} takes {name} over its capacity by {-left} {unit}")
                for unit, left in short.items()
                if left < 0
            ]
        return out

    @staticmethod
    def _device_faults(job: Job, room: Room, chosen: tuple[int, ...]) -> list[Fault]:
        name, out = room.node.name, []
        if len(chosen) != job.gpus or len(set(chosen)) != len(chosen):
            out.append(Fault("gpus", f"{job.name} asked for {job.gpus} devices and has {chosen} of {name}"))
        for index in chosen:
            if not 0 <= index < len(room.gpus):
                out.append(Fault("gpus", f"{job.name} has device {index} of {name}, which does not exist"))
            elif job.gpu_models and room.node.gpus[index].model not in job.gpu_models:
                out.append(Fault("constraints", f"{job.name} has a {room.node.gpus[index].model} on {name}"))
            elif share_on(job, room.node.gpus[index]) > room.gpus[index]:
                left = room.gpus[index]
                out.append(
                    Fault("gpus", f"{job.name} has device {index} of {name}, of which {left}/1000 is left")
                )
        return out

    def take(self, job: Job, nodes: Iterable[str], gpus: Iterable[tuple[int, ...]], sign: int = 1) -> None:
        """Book tasks (sign 1) or give them back (-1); nodes that are gone are passed over."""
        for name, chosen in zip(nodes, gpus, strict=True):
            room = self.rooms.get(name)
            if room is None:
                continue
            room.cpu -= sign * job.cpu_milli
            room.memory -= sign * job.memory_mib
            for key, amount in job.resources.items():
                if int(amount):
                    room.extended[key] = room.extended.get(key, 0) - sign * int(amount)
            for index in chosen:
                if index < len(room.gpus):
                    room.gpus[index] -= sign * share_on(job, room.node.gpus[index])


def share_on(job: Job, gpu: GPU) -> int:
    """Milli-GPU of this device that one task takes; over 1000: it cannot."""
    if job.gpu_milli:
        return job.gpu_milli if not job.gpu_memory or int(gpu.memory) >= int(job.gpu_memory) else 1001
    if not gpu.memory or int(job.gpu_memory) > int(gpu.memory):
        return 1001
    return -(-1000 * int(job.gpu_memory) // int(gpu.memory))


def refusals(node: Node, job: Job) -> list[str]:
    """Why a node refuses a job however empty it is, capacity aside."""
    out = [] if node.schedulable else ["it is cordoned"]
    for requirement in job.selector:
        if isinstance(requirement, Selector) and not _selects(requirement, node.labels.get(requirement.key)):
            out.append(f"its label {requirement.key} does not satisfy {requirement.op}")
    out += [f"its taint {taint.key} is not tolerated" for taint in node.taints if not _tolerates(job, taint)]
    return out


def _selects(requirement: Selector, value: str | None) -> bool:
    if requirement.op == "Exists":
        return value is not None
    if requirement.op == "DoesNotExist":
        return value is None
    within = value is not None and value in requirement.values
    return within if requirement.op == "In" else not within


def _tolerates(job: Job, taint: Taint) -> bool:
    return taint.effect == "PreferNoSchedule" or any(
        given.key in ("", taint.key)
        and (given.op == "Exists" or given.value == taint.value)
        and given.effect in ("", taint.effect)
        for given in job.tolerations
    )
