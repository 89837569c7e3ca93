"""The smallest change that would let a job fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Missing"]


@dataclass(frozen=True, slots=True)
class Missing:
    """What a job that does not fit lacks.

    Attributes
    ----------
    tasks : int
        Tasks of the job that find room as it is (of a gang's first role in `domain`); what follows is about the next
        one.
    of : int
        Tasks of the job.
    most : int
        Tasks of its kind that the cluster would hold if nothing ran.
    node : str
        Where the least is lacking: the fewest different resources, then the smallest sum of amounts relative to the
        request, then the first. Empty when no node may run the job at all.
    resources : mapping of str to int
        What is lacking there: ``cpu`` in milli-CPU, ``memory`` in MiB, ``gpu`` in devices, ``gpu slice`` in memory
        slices of one device that instances hold where one of the job's profile could start, others by name.
    of_capacity : bool
        It is lacking even when the node is empty.
    filter : str
        A filter that keeps the job away from nodes with room; of several the one that does so most often.
    filtered : int
        From how many.
    queue : str
        Queue whose maximum is in the way; empty when none is.
    quota : mapping of str to int
        What the queue lacks: resource (as in `resources`, but ``gpu`` in milli-GPU) → amount in base units.
    level : str
        Level that all tasks of a gang must share a domain of; empty when none is asked for.
    level_tasks : mapping of str to int
        Role → tasks of its least that the best such domain, or without a level the whole topology, has no room for.
    domain : str
        Of the domains with the most room for such a gang, the one where the least is lacking; else empty.
    """

    tasks: int
    of: int
    most: int
    node: str
    resources: Mapping[str, int]
    of_capacity: bool
    filter: str
    filtered: int
    queue: str = ""
    quota: Mapping[str, int] = field(default_factory=dict)
    level: str = ""
    level_tasks: Mapping[str, int] = field(default_factory=dict)
    domain: str = ""

    def __str__(self) -> str:
        ways = []
        if self.resources:
            amounts = ", ".join(_human(name, amount) for name, amount in self.resources.items())
            ways.append(f"{amounts} on {self.node}{' (even when it is empty)' if self.of_capacity else ''}")
        if self.filtered:
            ways.append(
                f"passing '{self.filter}', which keeps it from {_count(self.filtered, 'node')} with room"
            )
        if self.tasks >= self.of > 1:
            return f"all {self.of} tasks find room, but not as near each other as asked"
        text = ", or ".join(ways) or "a node that may run it"
        if self.of == 1:
            return text
        where = f" in {self.domain}" if self.domain else ""
        told = f"{self.tasks} of {self.of} tasks find room{where}; the next one needs {text}"
        return told + (f" (the empty cluster holds {self.most})" if self.most < self.of else "")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _human(name: str, amount: int) -> str:
    if name == "cpu":
        return f"{amount / 1000:g} CPU{'' if amount == 1000 else 's'}"
    if name == "memory":
        return f"{amount / 1024:g} GiB" if amount % 1024 == 0 else f"{amount} MiB"
    if name == "gpu slice":
        return f"{_count(amount, 'memory slice')} of a GPU"
    return _count(amount, "GPU") if name == "gpu" else f"{amount} {name}"


def from_core(
    told: Any,
    tasks: int,
    *,
    quota: tuple[str, str, int] | None = None,
    level: tuple[str, Mapping[str, int]] = ("", {}),
) -> Missing:
    """Build it from the core's tuples."""
    found, most, node, of_capacity, amounts, reason, filtered, domain = told
    queue, resource, units = quota or ("", "", 0)
    return Missing(
        found,
        tasks,
        most,
        node,
        dict(amounts),
        of_capacity,
        reason,
        filtered,
        queue,
        {resource: units} if queue else {},
        level[0] if level[1] else "",
        dict(level[1]),
        domain,
    )
