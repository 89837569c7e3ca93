"""The smallest change that would let a job fit."""

from __future__ import annotations

from collections import Counter
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
        Tasks of `role` that find room as it is, in `domain`, where those of the other roles have theirs; `node` and
        what follows is about the next one.
    of : int
        Tasks of `role` that the job needs.
    most : int
        Tasks of `role` that the domain, or the cluster, would hold if nothing ran.
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
    domain : str
        Of the domains with the most room for such a gang, the one where the least is lacking; else empty.
    role : str
        Of a job with several roles, the first that is short of tasks: its name. Of others the job's.
    found : mapping of str to int
        Role → tasks of it that find room.
    level_tasks : mapping of str to int
        Role → tasks of its least that find none, in `domain` or, without a level, anywhere.
    together : mapping of str to mapping
        Node → what all the tasks without room lack there as things are (as `resources`), each where the least is
        lacking after those before it: with that more, there is room for all. Empty when some may run nowhere.
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
    role: str = ""
    found: Mapping[str, int] = field(default_factory=dict)
    together: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def total(self) -> dict[str, int]:
        """`together`, summed over the nodes."""
        sums: Counter[str] = Counter()
        for amounts in self.together.values():
            sums.update(amounts)
        return dict(sums)

    def __str__(self) -> str:
        ways = []
        if self.resources:
            ways.append(
                f"{_amounts(self.resources)} on {self.node}{' (even when it is empty)' if self.of_capacity else ''}"
            )
        if self.filtered:
            ways.append(
                f"passing '{self.filter}', which keeps it from {_count(self.filtered, 'node')} with room"
            )
        several = len(self.found) > 1
        if self.tasks >= self.of and (self.of > 1 or several):
            count = sum(self.found.values()) if several else self.of
            return f"all {count} tasks find room, but not as near each other as asked"
        text = ", or ".join(ways) or "a node that may run it"
        if self.of == 1 and not several:
            return text
        where = f" in {self.domain}" if self.domain else ""
        told = (
            f"{self._found()} find room{where}; the next {repr(self.role) if several else 'one'} needs {text}"
        )
        short = sum(self.level_tasks.values())
        if short > 1 and self.together:
            told += f"; the {short} without room need {_amounts(self.total)} together"
        if self.most < self.of and not self.of_capacity:
            told += f" ({self.domain or 'the empty cluster'} holds {self.most}{' when empty' if self.domain else ''})"
        return f"{self._room()}{told}"

    def _found(self) -> str:
        if len(self.found) < 2:
            return f"{self.tasks} of {self.of} tasks"
        needed = {role: count + self.level_tasks.get(role, 0) for role, count in self.found.items()}
        return " and ".join(
            f"{count} of {needed[role]} tasks of {role!r}" for role, count in self.found.items()
        )

    def _room(self) -> str:
        """Say what is short in the domain that a gang must share."""
        if not self.level or not self.level_tasks:
            return ""
        short = ", ".join(
            f"{count} of {count + self.found[role]} tasks of {role!r}"
            for role, count in self.level_tasks.items()
        )
        return f"room for {short} in one domain of level {self.level!r}: "


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _amounts(amounts: Mapping[str, int]) -> str:
    return ", ".join(_human(name, amount) for name, amount in amounts.items())


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
    least: Mapping[str, int],
    *,
    quota: tuple[str, str, int] | None = None,
    level: str = "",
) -> Missing:
    """Build it from the core's tuples; `least` are the tasks that the job needs, by role."""
    found, index, most, node, of_capacity, amounts, together, reason, filtered, domain = told
    queue, resource, units = quota or ("", "", 0)
    role = list(least)[index]
    held = dict(zip(least, found, strict=True))
    return Missing(
        tasks=held[role],
        of=least[role],
        most=most,
        node=node,
        resources=dict(amounts),
        of_capacity=of_capacity,
        filter=reason,
        filtered=filtered,
        queue=queue,
        quota={resource: units} if queue else {},
        level=level,
        level_tasks={name: count - held[name] for name, count in least.items() if held[name] < count},
        domain=domain,
        role=role,
        found=held,
        together={name: dict(lacking) for name, lacking in together},
    )
