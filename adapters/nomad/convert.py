"""Nomad's nodes and task groups in hal's model. Pure and total: what the model cannot say is listed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hal.adapters.contract import Dropped
from hal.adapters.nomad.constraints import ID, Known, affinities_of, selector_of
from hal.adapters.nomad.devices import Devices, allowed, wishes
from hal.adapters.nomad.fields import Unsaid, flag, mapping, rows, text, whole
from hal.adapters.nomad.steer import own_affinities

import hal

__all__ = [
    "Amounts",
    "Group",
    "apart",
    "device_name",
    "flatten",
    "gpu_ids",
    "group_job",
    "node_model",
    "node_name",
]

#: By which a spread is one over nodes.
_NODE: Final = ("${node.unique.id}", "${node.unique.name}")
_AMOUNTS: Final = (("cpu", "Cpu", "CpuShares"), ("memory", "Memory", "MemoryMB"), ("disk", "Disk", "DiskMB"))
_PLACED: Final = ("service", "batch")

Amounts = Counter[str]  # cpu in MHz, memory and disk in MiB, devices by vendor/type/name


def node_name(node: Mapping[str, Any]) -> str:
    """Return what a node is called: its name, which others may have too, and the first eight digits of its id."""
    return f"{text(node, 'Name', 'node')}-{text(node, 'ID')[:8]}"


@dataclass(frozen=True)
class Group:
    """A task group of a job, by which hal places."""

    namespace: str
    job: str
    group: str

    @property
    def name(self) -> str:
        """As hal calls it, ``job.group``."""
        plain = f"{self.job}.{self.group}"
        return plain if self.namespace == "default" else f"{self.namespace}:{plain}"


# ---- nodes --------------------------------------------------------------------------------------------------


def node_model(node: Mapping[str, Any], dropped: list[Dropped]) -> hal.Node:
    """Return a node; its attributes, meta and drivers are labels, its GPUs devices, other devices resources.

    Raises
    ------
    Unsaid, InvalidModel
        A field is not what the API says.
    """
    name = node_name(node)
    has, kept = mapping(node, "NodeResources"), mapping(node, "ReservedResources")
    amounts: Amounts = Counter()
    for key, part, amount in (
        ("cpu", "Cpu", "CpuShares"),
        ("memory", "Memory", "MemoryMB"),
        ("disk", "Disk", "DiskMB"),
    ):
        amounts[key] = max(whole(mapping(has, part), amount) - whole(mapping(kept, part), amount), 0)
    labels = _labels(node, dropped)
    gpus: list[hal.GPU] = []
    for device in rows(has, "Devices"):
        kind, count = device_name(device), len(_healthy(device))
        labels |= {f"device.{part}": "1" for part in (kind, kind.rpartition("/")[0], text(device, "Type"))}
        if text(device, "Type") != "gpu":
            amounts[f"device/{kind}"] += count
        else:
            gpus += [hal.GPU(text(device, "Name", "gpu"), memory=_gpu_memory(device))] * count
    if len(gpus) > 64:
        dropped.append(Dropped(f"node {name}", "Devices", f"{len(gpus)} GPUs, the first 64 looked at"))
    ready = text(node, "Status") == "ready" and text(node, "SchedulingEligibility") == "eligible"
    return hal.Node(
        name,
        cpus=f"{amounts.pop('cpu')}m",
        memory=amounts.pop("memory"),
        gpus=gpus[:64],
        resources=amounts,
        labels=labels,
        schedulable=ready and not flag(node, "Drain"),
    )


def device_name(device: Mapping[str, Any]) -> str:
    """Return ``vendor/type/name`` of a device."""
    return "/".join(text(device, key) for key in ("Vendor", "Type", "Name"))


def _healthy(device: Mapping[str, Any]) -> list[str]:
    return [text(row, "ID") for row in rows(device, "Instances") if flag(row, "Healthy")]


def gpu_ids(node: Mapping[str, Any]) -> list[str]:
    """Return the ids of a node's healthy GPUs, in the order of hal's devices."""
    devices = rows(mapping(node, "NodeResources"), "Devices")
    return [f"{device_name(d)}/{key}" for d in devices if text(d, "Type") == "gpu" for key in _healthy(d)]


def _gpu_memory(device: Mapping[str, Any]) -> int:
    memory = mapping(mapping(device, "Attributes"), "memory")
    return whole(memory, "Int") if text(memory, "Unit") in ("", "MiB") else 0


def _labels(node: Mapping[str, Any], dropped: list[Dropped]) -> dict[str, str]:
    labels = {
        ID: text(node, "ID"),
        "node.unique.name": text(node, "Name"),
        "node.datacenter": text(node, "Datacenter"),
        "node.class": text(node, "NodeClass"),
        "node.pool": text(node, "NodePool") or "default",
    }
    for key, values in (("attr", "Attributes"), ("meta", "Meta")):
        for name, value in mapping(node, values).items():
            if isinstance(value, str) and len(value) <= 4096:
                labels[f"{key}.{name}"] = value
            else:
                dropped.append(Dropped(f"node {node_name(node)}", f"{values}[{name}]", f"{value!r:.100}"))
    for name, driver in mapping(node, "Drivers").items():
        if flag(driver, "Detected") and flag(driver, "Healthy"):
            labels[f"driver.{name}"] = "1"
    return labels | {f"volume.{name}": "1" for name in mapping(node, "HostVolumes")}


# ---- task groups ---------------------------------------------------------------------------------------------


def group_job(
    job: Mapping[str, Any],
    group: Mapping[str, Any],
    name: str,
    dropped: list[Dropped],
    known: Known = lambda _: (),
    devices: Devices = lambda: (),
) -> hal.Job:
    """Return a task group as a job of as many tasks as it counts.

    Parameters
    ----------
    known : callable
        The values that a label has on the nodes there are: what some constraints ask is answered for each.
    devices : callable
        The devices that nodes have: likewise for what is asked of them.

    Raises
    ------
    Unsaid, InvalidModel
        Something of it cannot be said.
    """
    if text(job, "Type", "service") not in _PLACED:
        raise Unsaid("Type", text(job, "Type"))
    for field in ("Periodic", "ParameterizedJob", "Multiregion"):
        if job.get(field):
            raise Unsaid(field, "a template of jobs")
    tasks = rows(group, "Tasks")
    amounts = flatten((_asked(task), mapping(task, "Lifecycle")) for task in tasks)
    amounts["disk"] += whole(mapping(group, "EphemeralDisk"), "SizeMB", 300)
    selector, alone = selector_of(job, group, tasks, known)
    models: list[str] = []
    wished, unsaid = affinities_of((job, {"Affinities": own_affinities(group)}, *tasks), known)
    for task in tasks:
        for device in rows(mapping(task, "Resources"), "Devices"):
            asked, count = text(device, "Name"), whole(device, "Count", 1)
            parts = asked.split("/")
            where, names = allowed(device, devices)
            selector += where
            if "gpu" in parts[:2]:
                amounts["gpu"] += count
                models += names or parts[2:3]
                selector.append(hal.Selector(f"device.{asked}", "Exists"))
            elif len(parts) == 3:
                amounts[f"device/{asked}"] += count
            else:
                raise Unsaid("Devices", asked)
            try:
                wished += wishes(device, devices)
            except Unsaid as error:
                unsaid.append(error.value)
    dropped += [Dropped(f"job {name}", "Affinities", each, "ignored") for each in unsaid]
    labels = {f"port/{port}": "1" for port in _static_ports(group, tasks)}
    rules: list[hal.AntiAffinity | hal.Spread | hal.Prefer] = [*apart(labels), *wished]
    if alone:
        labels["nomad/group"] = name
        rules.append(hal.AntiAffinity({"nomad/group": name}))
    rules += _spreads(job, group, name, labels, dropped)
    return hal.Job(
        name,
        tasks=whole(group, "Count", 1),
        cpus=f"{amounts.pop('cpu', 0)}m",
        memory=amounts.pop("memory", 0),
        gpus=amounts.pop("gpu", 0),
        gpu_models=list(dict.fromkeys(models)),
        resources={key: amount for key, amount in amounts.items() if amount},
        selector=selector,
        priority=whole(job, "Priority", 50),
        labels=labels,
        rules=rules,
    )


def _spreads(
    job: Mapping[str, Any],
    group: Mapping[str, Any],
    name: str,
    labels: dict[str, str],
    dropped: list[Dropped],
) -> list[hal.Spread]:
    """Return the wishes to spread a group over nodes; over anything else, or unevenly, they are listed."""
    found: list[hal.Spread] = []
    for spread in (*rows(job, "Spreads"), *rows(group, "Spreads")):
        over, weight = text(spread, "Attribute"), whole(spread, "Weight", 50)
        if over in _NODE and not rows(spread, "SpreadTarget") and weight:
            labels["nomad/group"] = name
            found.append(hal.Spread({"nomad/group": name}, weight=weight / 100))
        else:
            dropped.append(Dropped(f"job {name}", "Spreads", over, "ignored"))
    return found


def apart(labels: Mapping[str, str]) -> list[hal.AntiAffinity]:
    """Return what keeps away jobs that have one of these labels."""
    return [hal.AntiAffinity({key: value}) for key, value in labels.items()]


def _asked(task: Mapping[str, Any]) -> Amounts:
    asked = mapping(task, "Resources")
    if whole(asked, "Cores"):
        raise Unsaid("Cores", str(asked["Cores"]))
    return Counter(cpu=whole(asked, "CPU", 100), memory=whole(asked, "MemoryMB", 300))


def _static_ports(group: Mapping[str, Any], tasks: Sequence[Mapping[str, Any]]) -> list[int]:
    parts = [
        *rows(group, "Networks"),
        *(n for task in tasks for n in rows(mapping(task, "Resources"), "Networks")),
    ]
    return sorted({whole(port, "Value") for part in parts for port in rows(part, "ReservedPorts")})


def flatten(tasks: Iterable[tuple[Amounts, Mapping[str, Any]]]) -> Amounts:
    """Return what tasks of one allocation hold together: what runs before or after the others shares their place."""
    phases: dict[str, Amounts] = {}
    for amounts, lifecycle in tasks:
        hook, sidecar = text(lifecycle, "Hook"), flag(lifecycle, "Sidecar")
        phase = (
            "always"
            if hook == "prestart" and sidecar
            else hook
            if hook in ("prestart", "poststop")
            else "main"
        )
        phases[phase] = phases.get(phase, Counter()) + amounts
    always = phases.pop("always", Counter())
    most: Amounts = Counter()
    for amounts in phases.values():
        most |= amounts
    return always + most
