"""What Nomad's allocations hold, in hal's model. Pure and total."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hal.adapters.contract import Running
from hal.adapters.nomad.convert import Amounts, Group, apart, device_name, flatten, gpu_ids
from hal.adapters.nomad.fields import Unsaid, mapping, rows, text, whole

import hal

__all__ = ["ENDED", "Held", "alloc_held", "group_running"]

#: States of an allocation on its client in which it holds nothing any more.
ENDED: Final = frozenset({"complete", "failed", "lost"})


@dataclass(frozen=True)
class Held:
    """What an allocation holds: whose it is, its node's id, and a request with GPUs by index."""

    group: Group
    node: str
    request: tuple[tuple[str, int], ...]
    gpus: tuple[int, ...] | None
    ports: tuple[int, ...]

    def job(self, name: str, tasks: int = 1) -> hal.Job:
        """Return it as a job."""
        left = dict(self.request)
        labels = {f"port/{port}": "1" for port in self.ports}
        return hal.Job(
            name, tasks=tasks, cpus=f"{left.pop('cpu', 0)}m", memory=left.pop("memory", 0), gpus=left.pop("gpu", 0),
            resources=left, labels=labels, rules=apart(labels),
        )  # fmt: skip


def alloc_held(alloc: Mapping[str, Any], node: Mapping[str, Any] | None) -> Held | None:
    """Return what an allocation holds; None when it has ended.

    Raises
    ------
    Unsaid
        A field is not what the API says.
    """
    if text(alloc, "ClientStatus") in ENDED:
        return None
    resources = mapping(alloc, "AllocatedResources")
    tasks = mapping(resources, "Tasks")
    amounts = flatten(
        (_task_amounts(mapping(tasks, name)), mapping(mapping(resources, "TaskLifecycles"), name))
        for name in tasks
    )
    shared = mapping(resources, "Shared")
    amounts["disk"] += whole(shared, "DiskMB")
    known = {key: index for index, key in enumerate(gpu_ids(node or {})[:64])}
    used = [key for task in tasks.values() for key in _device_ids(task)]
    indices = [known[key] for key in used if key in known]
    if used:
        amounts["gpu"] = len(indices)
    ports = sorted({whole(port, "Value") for port in rows(shared, "Ports")})
    group = Group(text(alloc, "Namespace", "default"), text(alloc, "JobID"), text(alloc, "TaskGroup"))
    request = tuple(sorted((key, amount) for key, amount in amounts.items() if amount))
    return Held(group, text(alloc, "NodeID"), request, tuple(sorted(indices)) if used else (), tuple(ports))


def _task_amounts(task: Mapping[str, Any]) -> Amounts:
    amounts: Amounts = Counter()
    amounts["cpu"] = whole(mapping(task, "Cpu"), "CpuShares")
    amounts["memory"] = whole(mapping(task, "Memory"), "MemoryMB")
    for device in rows(task, "Devices"):
        if text(device, "Type") != "gpu":
            amounts[f"device/{device_name(device)}"] += len(device.get("DeviceIDs") or ())
    return amounts


def _device_ids(task: object) -> Iterator[str]:
    for device in rows(task, "Devices"):
        ids = device.get("DeviceIDs") or []
        if not isinstance(ids, list):
            raise Unsaid("DeviceIDs", ids)
        if text(device, "Type") == "gpu":
            yield from (f"{device_name(device)}/{key}" for key in ids)


def group_running(held: Sequence[Held], name: str, where: Mapping[str, str]) -> list[Running]:
    """Return what the allocations of one group hold: equal ones together, under the group's name and ``name/1`` …."""
    same: dict[tuple[Any, ...], list[Held]] = {}
    for one in held:
        if one.node in where:
            same.setdefault((one.request, one.ports), []).append(one)
    found: list[Running] = []
    for many in same.values():
        job = many[0].job(f"{name}/{len(found)}" if found else name, len(many))
        found.append(Running(job, tuple(where[one.node] for one in many), tuple(one.gpus for one in many)))
    return found
