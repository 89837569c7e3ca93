"""Ray's nodes, options and bundles in hal's model. Pure and total: what the model cannot say is listed."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from hal.adapters.contract import Dropped, Running

import hal

__all__ = ["Nodes", "ask", "each", "held", "job", "node_name", "nodes", "others", "used"]

#: Ray counts custom resources in ten-thousandths, hal in whole numbers.
SCALE: Final = 10_000
#: Resources of a node that are not for jobs to ask for, or are a second name of others.
_OWN: Final = re.compile(r"object_store_memory|accelerator_type:.*|.*_group_.*")
_LIST: Final = re.compile(r"(!?)in\((.*)\)")
_KIND: Final = "ray.io/accelerator-type"
#: Options of ``ray.remote`` by which somebody else would choose the node.
_ELSEWHERE: Final = ("placement_group", "placement_group_bundle_index", "fallback_strategy")

Amounts = dict[str, int]  # CPU in milli-CPU, memory in MiB, GPU in milli-GPU, others in 1/SCALE


@dataclass(frozen=True)
class Nodes:
    """The nodes that live, the id of each by its name, and what could not be said."""

    models: tuple[hal.Node, ...]
    ids: Mapping[str, str]
    dropped: tuple[Dropped, ...]


def nodes(rows: object, cordoned: Collection[str] = ()) -> Nodes:
    """Translate what ``ray.nodes()`` answers.

    A node is named after its `NodeName`, which several may share, and the first twelve digits of its id. Those in
    ``cordoned``, by name or id, take nothing new.

    Raises
    ------
    AdapterError
        It is no list of nodes.
    """
    if not isinstance(rows, (list, tuple)) or not all(isinstance(row, Mapping) for row in rows):
        raise hal.AdapterError("ray.nodes(): is no list of nodes")
    models: list[hal.Node] = []
    ids: dict[str, str] = {}
    dropped: list[Dropped] = []
    for row in rows:
        if row.get("Alive") is not True:
            continue
        node, name = str(row.get("NodeID", "")), node_name(row)
        try:
            if not node or name in ids:
                raise hal.InvalidModel("has the id of another, or none")
            models.append(_node(name, row, not {name, node} & set(cordoned), dropped))
            ids[name] = node
        except hal.InvalidModel as error:
            dropped.append(Dropped(f"node {name}", "description", str(error)[:200], "unschedulable"))
    return Nodes(tuple(models), ids, tuple(dropped))


def node_name(row: Mapping[str, Any]) -> str:
    """Return what a node is called."""
    return f"{row.get('NodeName') or 'node'}-{str(row.get('NodeID', ''))[:12]}"


def _node(name: str, row: Mapping[str, Any], schedulable: bool, dropped: list[Dropped]) -> hal.Node:
    total, labels = _mapping(row.get("Resources")), _mapping(row.get("Labels"))
    amounts: Amounts = {}
    for key, value in total.items():
        whole = _amount(key, value)
        if whole is None:
            dropped.append(Dropped(f"node {name}", f"Resources[{key}]", str(value)[:100]))
        elif not _OWN.fullmatch(key):
            amounts[key] = whole
    for key in [key for key, value in labels.items() if not isinstance(value, str)]:
        dropped.append(Dropped(f"node {name}", f"Labels[{key}]", str(labels.pop(key))[:100]))
    kinds = [key.partition(":")[2] for key in total if key.startswith("accelerator_type:")]
    count = amounts.pop("GPU", 0) // 1000
    if count > 64:
        dropped.append(Dropped(f"node {name}", "Resources[GPU]", f"{count}, the first 64 looked at"))
    return hal.Node(
        name,
        cpus=f"{amounts.pop('CPU', 0)}m",
        memory=amounts.pop("memory", 0),
        gpus=hal.gpus(min(count, 64), labels.get(_KIND) or next(iter(kinds), "gpu")),
        resources=amounts,
        labels={_KIND: kinds[0], **labels} if kinds else labels,
        schedulable=schedulable,
    )


def _mapping(value: object) -> dict[str, Any]:
    return {str(key): item for key, item in value.items()} if isinstance(value, Mapping) else {}


def _amount(key: str, value: object, *, up: bool = False) -> int | None:
    """Return an amount of a resource in hal's unit; None when it is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        # Ray's own grain first: what is 0.3 to it is 3,000 ten-thousandths, whatever its float says.
        grains = round(value * SCALE)
    except (OverflowError, ValueError):
        return None
    if not 0 <= grains < 2**62:
        return None
    unit = {"CPU": SCALE // 1000, "GPU": SCALE // 1000, "memory": SCALE << 20}.get(key, 1)
    return -(-grains // unit) if up else grains // unit


# ---- what is asked for --------------------------------------------------------------------------------------


def job(name: str, options: Mapping[str, Any], *, priority: int = 0, queue: str = "") -> hal.Job:
    """Return the job that a task or an actor of these options of ``ray.remote`` is.

    Raises
    ------
    InvalidModel
        An option is wrong, or names another way to choose the node.
    """
    strategy = options.get("scheduling_strategy")
    if strategy not in (None, "DEFAULT"):
        raise hal.InvalidModel(f"scheduling_strategy = {strategy!r:.100}: hal chooses the node; leave it out")
    for key in _ELSEWHERE:
        if options.get(key) not in (None, "default", -1, []):
            raise hal.InvalidModel(f"{key} = {options[key]!r:.100}: hal chooses the node; leave it out")
    given = {"CPU": options.get("num_cpus"), "GPU": options.get("num_gpus"), "memory": options.get("memory")}
    given["CPU"] = 1 if given["CPU"] is None else given["CPU"]
    named = options.get("resources") or {}
    if not isinstance(named, Mapping):
        raise hal.InvalidModel(f"resources = {named!r:.100}: give a mapping of names to amounts")
    asked = {**{str(key): value for key, value in named.items()}, **{k: v for k, v in given.items() if v}}
    kind = options.get("accelerator_type")
    return ask(name, asked, options.get("label_selector"), kind, priority=priority, queue=queue)


def ask(name: str, asked: Mapping[str, Any], wanted: object, kind: object, **more: Any) -> hal.Job:
    """Return the job that asks for amounts, labels and a kind of GPU in Ray's spelling."""
    amounts: Amounts = {}
    for key, value in asked.items():
        whole = _amount(key, value, up=True)
        if whole is None:
            raise hal.InvalidModel(f"{key} = {value!r:.100}: must be an amount, 0 or more")
        amounts[key] = whole
    gpus = amounts.pop("GPU", 0)
    if gpus > 1000 and gpus % 1000:
        raise hal.InvalidModel(f"num_gpus = {gpus / 1000}: must be whole GPUs, or a share of one below 1")
    selector = _selectors(wanted)
    if kind is not None and not gpus:
        selector.append(hal.Selector(_KIND, "In", [str(kind)]))
    return hal.Job(
        name,
        cpus=f"{amounts.pop('CPU', 0)}m",
        memory=amounts.pop("memory", 0),
        gpus=gpus / 1000,
        gpu_models=[str(kind)] if kind is not None and gpus else [],
        resources=amounts,
        selector=selector,
        **more,
    )


def _selectors(labels: object) -> list[hal.Selector]:
    """Return Ray's label selector: ``value``, ``!value``, ``in(a, b)``, ``!in(a, b)``."""
    if labels is None:
        return []
    if not isinstance(labels, Mapping) or not all(isinstance(value, str) for value in labels.values()):
        raise hal.InvalidModel(f"label_selector = {labels!r:.100}: give a mapping of labels to values")
    found: list[hal.Selector] = []
    for key, value in labels.items():
        listed = _LIST.fullmatch(value)
        negative = value.startswith("!")
        values = [part.strip() for part in listed[2].split(",")] if listed else [value.removeprefix("!")]
        found.append(hal.Selector(key, "NotIn" if negative else "In", values))
    return found


# ---- what others hold ---------------------------------------------------------------------------------------


def used(total: object, free: object) -> Amounts:
    """Return what is taken of a node, by the difference of what it has and has left."""
    has, left = _mapping(total), _mapping(free)
    taken: Amounts = {}
    for key, value in has.items():
        whole, rest = _amount(key, value), _amount(key, left.get(key, 0))
        if whole is not None and rest is not None and whole > rest and not _OWN.fullmatch(key):
            taken[key] = whole - rest
    return taken


def each(running: Running) -> list[hal.Job]:
    """Return what each task of a running job asks for: of a gang, its role."""
    if not running.roles or running.job.gang is None:
        return [running.job] * len(running.nodes)
    roles = {role.name: role for role in (running.job, *running.job.gang.roles)}
    return [roles[name] for name in running.roles]


def held(asked: hal.Job) -> Amounts:
    """Return what one task of a job takes."""
    amounts = {key: int(value) for key, value in asked.resources.items()}
    amounts |= {"CPU": asked.cpu_milli, "memory": asked.memory_mib, "GPU": int(asked.gpus) * asked.gpu_milli}
    return {key: amount for key, amount in amounts.items() if amount}


def others(node: hal.Node, taken: Amounts, devices: Mapping[int, int]) -> list[Running]:
    """Return what others hold of a node, as jobs.

    Parameters
    ----------
    taken : mapping of str to int
        What they hold, at most what is not held by hal's jobs.
    devices : mapping of int to int
        Milli-GPU that hal's jobs hold of each device. Ray does not say which devices others have: those that are
        emptiest are taken to be theirs.
    """
    left = {key: amount for key, amount in taken.items() if key not in ("CPU", "memory", "GPU") and amount}
    found: list[Running] = []
    name = f"others on {node.name}"
    if left or taken.get("CPU") or taken.get("memory"):
        cpus, memory = f"{taken.get('CPU', 0)}m", taken.get("memory", 0)
        found.append(Running(hal.Job(name, cpus=cpus, memory=memory, resources=left), (node.name,)))
    gpu = taken.get("GPU", 0)
    for device in sorted(range(len(node.gpus)), key=lambda index: (devices.get(index, 0), index)):
        share = min(gpu, 1000 - devices.get(device, 0))
        if share > 0:
            what = hal.Job(f"{name}, GPU {device}", gpus=share / 1000)
            found.append(Running(what, (node.name,), ((device,),)))
            gpu -= share
    return found
