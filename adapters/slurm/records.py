"""What Slurm says, in one form whatever release and format it was read from. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import hal
import hal.topology

__all__ = [
    "HOLDS",
    "Gres",
    "JobRecord",
    "NodeRecord",
    "Reservation",
    "Share",
    "asked",
    "hosts",
    "job_name",
    "least_nodes",
    "memory_of",
    "of_gpu",
    "parse_gres",
    "threads_of",
    "words",
]

#: Node states in which nothing new may start there, of any release, as they are told with or without flags.
CLOSED: Final = frozenset(
    {
        "DOWN", "DRAIN", "DRAINED", "DRAINING", "FAIL", "FAILING", "NOT_RESPONDING", "INVALID", "INVALID_REG",
        "UNKNOWN", "POWERED_DOWN", "POWERING_DOWN", "POWER_DOWN", "POWER_DRAIN", "REBOOT_ISSUED", "REBOOT_REQUESTED",
        "MAINT", "MAINTENANCE", "FUTURE", "PERFCTRS", "ERROR", "NO_RESPOND",
    }
)  # fmt: skip

#: States in which a job holds its nodes.
HOLDS: Final = frozenset(
    {"RUNNING", "COMPLETING", "CONFIGURING", "SUSPENDED", "STAGE_OUT", "RESIZING", "STOPPED", "SIGNALING"}
)

_GRES = re.compile(
    r"^(?P<name>[^:()]+)(?::(?P<type>\(null\)|[^:()\d][^:()]*|[^:()]*[^:()\d][^:()]*))?"
    r"(?::(?P<count>\d+)(?P<unit>[KMG]?))?(?:\((?:IDX|S|CORES?):(?P<index>[^)]*)\))?$"
)
_UNIT: Final = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}


@dataclass(frozen=True)
class Gres:
    """One entry of a GRES list: ``gpu:a100:2(IDX:0-1)``."""

    name: str
    type: str
    count: int
    indices: tuple[int, ...] | None = None


@dataclass(frozen=True)
class NodeRecord:
    """A node. Memory in MiB; ``states`` upper-case, base state first; ``threads``: CPUs of a core."""

    name: str
    states: tuple[str, ...]
    cpus: int
    memory: int
    gres: str
    features: tuple[str, ...]
    partitions: tuple[str, ...]
    used_cpus: int
    used_memory: int
    used_gres: str
    threads: int = 1

    @property
    def closed(self) -> bool:
        """Whether nothing new may start there."""
        return not CLOSED.isdisjoint(self.states)


@dataclass(frozen=True)
class Share:
    """What a running job has on one node."""

    node: str
    cpus: int
    memory: int
    gres: str


@dataclass(frozen=True)
class JobRecord:
    """A job, or one component of a heterogeneous one, or one task of an array.

    Memory in MiB, times in seconds; 0 or empty: not asked. ``cpus`` is for the whole job, ``nodes`` Slurm's own guess
    while it waits, between ``least`` and ``most``; ``cores``: each of its CPUs is a core. ``beyond``: what it asks for
    that these fields do not say; ``ignored``: the same, where the worst is a pin that Slurm will not have.
    """

    id: int
    name: str
    user: str
    partition: str
    state: str
    reason: str
    priority: int
    nodes: int
    cpus: int
    tasks: int
    memory_node: int = 0
    memory_cpu: int = 0
    memory_all: int = 0
    least: int = 0
    most: int = 0
    tasks_node: int = 0
    cores: bool = False
    cpus_node: int = 0
    cpus_gpu: int = 0
    memory_gpu: int = 0
    tres_node: str = ""
    tres_job: str = ""
    tres_task: str = ""
    features: str = ""
    required: str = ""
    excluded: str = ""
    dependency: str = ""
    reservation: str = ""
    licenses: str = ""
    comment: str = ""
    admin_comment: str = ""
    exclusive: bool = False
    beyond: str = ""
    ignored: str = ""
    limit: int = 0
    eligible: int = 0
    submitted: int = 0
    array: str = ""
    array_job: int = 0
    het: int = 0
    het_offset: int = 0
    given: str = ""
    shares: tuple[Share, ...] = ()

    @property
    def held(self) -> bool:
        """Whether it waits to be released."""
        return self.state == "PENDING" and (
            self.priority == 0 or self.reason in ("JobHeldUser", "JobHeldAdmin", "BadConstraints")
        )

    @property
    def fewest(self) -> int:
        """How many nodes it takes at least, without Slurm's guess."""
        return max(self.nodes if self.tasks_node or not self.least else self.least, 1)


@dataclass(frozen=True)
class Reservation:
    """Nodes, or parts of them, set aside for a time. Times in seconds since 1970; ``tres``: ``cpu=4,gres/gpu=2``."""

    name: str
    nodes: str
    start: int
    end: int
    flags: tuple[str, ...] = ()
    tres: str = ""


def job_name(job: JobRecord) -> str:
    """Return the name by which ``scontrol`` knows a job: its number, or ``array_task``."""
    return f"{job.array_job}_{job.array}" if job.array_job and job.array.isdigit() else str(job.id)


def parse_gres(text: str) -> list[Gres]:
    """Return the entries of a GRES string as any release writes it.

    Raises
    ------
    AdapterError
        An entry is not of a known form.

    Examples
    --------
    >>> parse_gres("gpu:a100:2(IDX:0-1),shard:8")
    [Gres(name='gpu', type='a100', count=2, indices=(0, 1)), Gres(name='shard', type='', count=8, indices=None)]
    """
    entries: list[Gres] = []
    for part in re.split(r",(?![^(]*\))", text.strip()):
        part = part.strip().removeprefix("gres:").removeprefix("gres/")
        if part in ("", "(null)", "N/A"):
            continue
        found = _GRES.match(part.replace("=", ":"))
        if found is None:
            raise hal.AdapterError(f"gres = {text!r}: {part!r} is not name[:type][:count][(IDX:…)]")
        kind = found["type"] or ""
        used = "IDX:" in part
        indices = _indices(found["index"]) if used else None
        count = int(found["count"] or 1) * _UNIT[found["unit"] or ""]
        entries.append(Gres(found["name"], "" if kind == "(null)" else kind, count, indices))
    return entries


def _indices(text: str) -> tuple[int, ...]:
    if text in ("N/A", ""):
        return ()
    indices: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        if not first.isdigit() or (last and not last.isdigit()) or int(last or first) > 4096:
            raise hal.AdapterError(f"indices = {text!r}: must be ranges of small numbers")
        indices += range(int(first), int(last or first) + 1)
    return tuple(indices)


def hosts(text: str) -> tuple[str, ...]:
    """Return the names of a host list, ``gn[1-2],cn4``."""
    return tuple(hal.topology.expand_hosts(text)) if text and text not in ("(null)", "None") else ()


_MEMORY = re.compile(r"(?:^|,)mem=(\d+(?:\.\d+)?)([KMGTP]?)(?:,|$)")
_MIB: Final = {"K": 1 / 1024, "": 1, "M": 1, "G": 1024, "T": 1024**2, "P": 1024**3}


def words(value: Any) -> tuple[str, ...]:
    """Return names that are text with commas or a list."""
    if value is None:
        return ()
    parts: Iterable[Any] = value.split(",") if isinstance(value, str) else value
    return tuple(str(part).strip() for part in parts if str(part).strip() not in ("", "(null)"))


def memory_of(tres: str) -> int:
    """Return the memory in a TRES string, ``cpu=8,mem=2000M``, in MiB rounded up; 0 without any."""
    found = _MEMORY.search(tres)
    return 0 if found is None else -int(-float(found[1]) * _MIB[found[2]] // 1)


def threads_of(cpus: int, cores: int) -> int:
    """Return how many of a node's CPUs are one core."""
    return max(cpus // cores, 1) if cores else 1


def least_nodes(tres: str) -> int:
    """Return the number of nodes in a TRES string, ``cpu=8,node=2``: what was asked for, and no guess; 0 without."""
    found = re.search(r"(?:^|,)node=(\d+)(?:,|$)", tres)
    return 0 if found is None else int(found[1])


_OF_GPU = re.compile(r"gpu(?::[^:=,]+)?[:=](\d+)([KMGTP]?)(?:,|$)")


def of_gpu(tres: str, *, memory: bool = False) -> int:
    """Return how much of something goes with each GPU, ``gres:gpu:2``; memory in MiB."""
    found = _OF_GPU.search(tres)
    if found is None:
        return 0
    return -int(-int(found[1]) * _MIB[found[2]] // 1) if memory else int(found[1])


def asked(**told: str | int) -> str:
    """Say what a job asks for that hal's model has no word for; empty when nothing of it."""
    return ", ".join(
        f"{name}={value}" if value is not True else name for name, value in told.items() if value
    )
