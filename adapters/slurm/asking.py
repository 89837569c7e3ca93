"""On how many nodes a job runs, and what it asks of each. Pure.

Slurm counts nodes from CPUs alone before it starts a job, and settles their number when it does: GPUs that a job asks
for as a whole, or a task, may be on any nodes. A job that one node can hold is put on one. One that none can hold is
dealt out in equal units over whatever nodes have room, unless it says something of each node; then the least number of
nodes is taken of which each can hold its share.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hal.adapters.slurm.records import JobRecord, NodeRecord, parse_gres
from hal.adapters.slurm.waits import Unsaid

import hal

__all__ = ["Capacity", "Part", "Shape", "dealt", "has_room", "shape_of", "shape_on", "share"]

#: Of a TRES string, what is told elsewhere too.
_COUNTED = frozenset({"cpu", "mem", "node", "billing", "energy", "vmem", "pages"})


@dataclass(frozen=True)
class Capacity:
    """What a node has, or has idle; GRES by name and type."""

    cpus: int
    memory: int
    gres: tuple[tuple[str, str, int], ...]
    threads: int = 1

    @classmethod
    def of(cls, node: NodeRecord) -> Capacity:
        """All of a node."""
        return cls(node.cpus, node.memory, _listed(_counts(node.gres)), node.threads)

    @classmethod
    def idle(cls, node: NodeRecord) -> Capacity:
        """What nobody uses of it."""
        left = _counts(node.gres)
        left.subtract(_counts(node.used_gres))
        return cls(node.cpus - node.used_cpus, node.memory - node.used_memory, _listed(left))

    def times(self, part: Part, most: int) -> int:
        """How often a part fits in it, up to ``most`` times."""
        room = [most]
        room += [self.cpus // part.cpus] if part.cpus else []
        room += [self.memory // part.memory] if part.memory else []
        for (name, kind), asked in part.gres.items():
            has = sum(count for n, k, count in self.gres if n == name and kind in ("", k))
            room += [has // asked] if asked else []
        return max(min(room), 0)


@dataclass(frozen=True)
class Part:
    """What a job asks of one node, or for one unit; GRES by name and type."""

    cpus: int
    memory: int
    gres: Mapping[tuple[str, str], int]

    @property
    def gpus(self) -> int:
        """Its GPUs, of whatever type."""
        return sum(count for (name, _), count in self.gres.items() if name == "gpu")


@dataclass(frozen=True)
class Shape:
    """``count`` equal parts, each on a node of its own (``apart``) or wherever there is room."""

    count: int
    part: Part
    apart: bool = True


def shape_of(job: JobRecord, nodes: Mapping[Capacity, int]) -> Shape:
    """Return the shape of a job on nodes of these kinds; how many there are of each is given.

    Raises
    ------
    Unsaid
        Its nodes would have to have unequal shares.
    """
    if job.cpus <= 0:
        raise Unsaid("cpus", str(job.cpus))
    some, threads = job.fewest, _threads(nodes)
    part = share(job, some, threads)
    if _holding(nodes, part) >= some:
        return Shape(some, part)
    unit = None if _of_nodes(job) else _units(job, nodes)
    if unit is not None:
        return unit
    most = min(job.most or sum(nodes.values()), max(job.tasks, _gpus_of(job), some))
    if not job.tasks_node:
        for count in range(some + 1, most + 1):
            fewer = share(job, count, threads)
            if _holding(nodes, fewer) >= count:
                return Shape(count, fewer)
        if most > 1 and _together(job, nodes, most):
            raise Unsaid("num_nodes", f"{some}, with unequal shares")
    return Shape(some, part)


def shape_on(job: JobRecord, where: Sequence[str], nodes: Mapping[Capacity, int]) -> Shape:
    """Return the shape of a job that is pinned to nodes."""
    shape = shape_of(job, nodes)
    if shape.apart and shape.count != len(where):
        return Shape(len(where), share(job, len(where), _threads(nodes)))
    return shape


def share(job: JobRecord, count: int, threads: int = 1) -> Part:
    """Return what a job asks of each of so many nodes, rounded up to whole tasks, devices and cores."""
    tasks = max(job.tasks, 1)
    each, of_task = -(-tasks // count), -(-job.cpus // tasks)
    cpus = each * of_task if job.cpus >= tasks else -(-job.cpus // count)
    cpus = max(cpus, job.cpus_node if job.cpus_node > of_task else 0)  # else it is what a task asks for
    gres: dict[tuple[str, str], int] = {}
    _ask(gres, job.tres_node, "tres_per_node", 1, 1)
    _ask(gres, job.tres_job, "tres_per_job", 1, count)
    _ask(gres, job.tres_task, "tres_per_task", each, 1)
    return _part(job, cpus, gres, count, threads)


def dealt(shape: Shape, where: Sequence[str], idle: Mapping[str, Capacity]) -> tuple[str, ...]:
    """Return a node for each unit, of these: every node has one, the rest go where most room is left."""
    names = list(dict.fromkeys(where))[: shape.count]
    count = dict.fromkeys(names, 1)
    room = {name: idle[name].times(shape.part, shape.count) if name in idle else 0 for name in names}
    left = [(1 - room[name], row, name) for row, name in enumerate(names)]
    heapq.heapify(left)
    for _ in range(shape.count - len(names) if names else 0):
        full, row, name = left[0]
        count[name] += 1
        heapq.heapreplace(left, (full + 1, row, name))
    return tuple(name for name, units in count.items() for _ in range(units))


def has_room(shape: Shape, where: Sequence[str], idle: Mapping[str, Capacity]) -> bool:
    """Whether what is idle on these nodes holds a job of this shape; all of them are there."""
    times = [idle[name].times(shape.part, shape.count) for name in where]
    return all(times) and (shape.apart or sum(times) >= shape.count)


# ---- inside ------------------------------------------------------------------------------------------------


def _of_nodes(job: JobRecord) -> bool:
    """Whether a job says something of each of its nodes, so that their number matters."""
    each = -(-job.cpus // max(job.tasks, 1))
    return bool(
        job.fewest > 1
        or job.most
        or job.tasks_node
        or job.tres_node
        or job.exclusive
        or job.cpus_node > each
        or (not job.memory_gpu and (job.memory_node or (job.memory_all and not job.memory_cpu)))
    )


def _units(job: JobRecord, nodes: Mapping[Capacity, int]) -> Shape | None:
    """Return equal units of a job: whole tasks with their GPUs, or a GPU each where no node holds a task's."""
    tasks, gpus, threads = max(job.tasks, 1), _gpus_of(job), _threads(nodes)
    alone = job.cores or not -(-job.cpus // tasks) % threads
    filling = tasks if alone else -(-tasks // threads)  # else tasks may share a core
    counts = [filling, tasks] if job.tres_task or not gpus else [math.gcd(tasks, gpus), gpus]
    if job.tres_job and not gpus:
        return None
    for count in counts:
        part = share(job, count, threads)
        if count > 1 and _holding(nodes, part):
            return Shape(count, part, apart=False)
    return None


def _together(job: JobRecord, nodes: Mapping[Capacity, int], most: int) -> bool:
    """Whether there are nodes enough, and the largest hold a job as a whole, its shares unequal."""
    whole, cpus = share(job, 1, _threads(nodes)), -(-job.cpus // max(job.tasks, 1))
    if sum(count for kind, count in nodes.items() if kind.cpus >= cpus) < job.fewest:
        return False
    kinds = sorted(
        (kind for kind, count in nodes.items() for _ in range(min(count, most))),
        key=lambda kind: (sum(count for *_, count in kind.gres), kind.cpus),
        reverse=True,
    )[:most]
    gres: Counter[tuple[str, str]] = Counter()
    for kind in kinds:
        gres.update({(name, type_): count for name, type_, count in kind.gres})
    everything = Capacity(sum(kind.cpus for kind in kinds), sum(kind.memory for kind in kinds), _listed(gres))
    return everything.times(whole, 1) > 0


def _threads(nodes: Iterable[Capacity]) -> int:
    return max((kind.threads for kind in nodes), default=1)


def _holding(nodes: Mapping[Capacity, int], part: Part) -> int:
    return sum(count for kind, count in nodes.items() if kind.times(part, 1))


def _gpus_of(job: JobRecord) -> int:
    gres: dict[tuple[str, str], int] = {}
    _ask(gres, job.tres_job, "tres_per_job", 1, 1)
    _ask(gres, job.tres_task, "tres_per_task", max(job.tasks, 1), 1)
    return sum(count for (name, _), count in gres.items() if name == "gpu")


def _part(job: JobRecord, cpus: int, gres: dict[tuple[str, str], int], count: int, threads: int) -> Part:
    kinds = {kind for name, kind in gres if name == "gpu"}
    if len(kinds) > 1 and "" in kinds:  # said of the job without its type, and of a node with it
        other = next(kind for kind in kinds if kind)
        gres["gpu", other] = max(gres["gpu", other], gres.pop(("gpu", "")))
        kinds.discard("")
    if len(kinds) > 1:
        raise Unsaid("gres", f"GPUs of {len(kinds)} types")
    gpus = sum(amount for (name, _), amount in gres.items() if name == "gpu")
    cpus = max(cpus, job.cpus_gpu * gpus)
    given = cpus * threads if job.cores else -(-cpus // threads) * threads
    cpus = cpus if job.cores else given  # by which memory is counted
    memory = job.memory_gpu * gpus or job.memory_node or job.memory_cpu * cpus or -(-job.memory_all // count)
    return Part(given, memory, gres)


def _ask(gres: dict[tuple[str, str], int], text: str, field: str, times: int, over: int) -> None:
    """Add what a TRES string asks for; said twice in two ways, the larger counts."""
    asked: Counter[tuple[str, str]] = Counter()
    for entry in parse_gres(text):
        if entry.name.startswith(("license/", "bb/")):
            raise Unsaid(field, text)
        if entry.name not in _COUNTED:
            asked[entry.name, entry.type] += entry.count
    for key, count in asked.items():
        amount = count * times
        if key[0] != "gpu" and amount % over:
            raise Unsaid(field, f"{text} over {over} nodes")
        gres[key] = max(gres.get(key, 0), -(-amount // over))


def _counts(text: str) -> Counter[tuple[str, str]]:
    counts: Counter[tuple[str, str]] = Counter()
    try:
        for entry in parse_gres(text):
            counts[entry.name, entry.type] += entry.count
    except hal.AdapterError:  # listed where the node is read
        return Counter()
    return counts


def _listed(counts: Mapping[tuple[str, str], int]) -> tuple[tuple[str, str, int], ...]:
    pairs: Iterable[tuple[tuple[str, str], int]] = sorted(counts.items())
    return tuple((name, kind, count) for (name, kind), count in pairs)
