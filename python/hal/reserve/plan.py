"""The answer: when and where everything runs, how good that is, and what cannot be."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from os import PathLike
from typing import Any

from hal.reserve._times import show_time
from hal.reserve.request import Maintenance, Request

__all__ = ["Booking", "Plan", "PlanStatus"]


class PlanStatus(enum.StrEnum):
    """How much is known of a plan."""

    OPTIMAL = "OPTIMAL"
    """Nothing better exists."""
    FEASIBLE = "FEASIBLE"
    """It can be carried out; `Plan.gap` says how far it may be from the best."""
    INFEASIBLE = "INFEASIBLE"
    """No plan holds all requests; `Plan.conflict` names a minimal set that cannot be kept together."""
    UNKNOWN = "UNKNOWN"
    """Time was up before all requests were placed or a conflict was proven; the bookings are those placed."""


@dataclass(frozen=True)
class Booking:
    """One request (or one occurrence of it) with its time and place: a promise, once given.

    Attributes
    ----------
    request : Request or Maintenance
        What was asked for.
    start, end : int
        Seconds; the end is not included.
    nodes : tuple of str
        Node of each task in index order, one name as often as it has tasks; of a maintenance, its nodes.
    """

    request: Request | Maintenance
    start: int
    end: int
    nodes: tuple[str, ...]

    @property
    def name(self) -> str:
        """Name of the request."""
        return self.request.name

    def amounts(self) -> dict[str, int]:
        """Return what one task takes of its node, in base units (milli-CPU, MiB, devices); 0s are left out.

        Empty for a maintenance and for exclusive requests, which take all there is.
        """
        if isinstance(self.request, Maintenance) or self.request.exclusive:
            return {}
        asked = {
            "cpu_milli": round(float(self.request.cpus) * 1000),
            "memory_mib": int(self.request.memory),
            "gpus": self.request.gpus,
        }
        return {name: amount for name, amount in asked.items() if amount}


@dataclass(frozen=True)
class Plan:
    """A checked plan.

    Attributes
    ----------
    status : PlanStatus
    bookings : tuple of Booking
        Promises first, then requests in the order given, those that have a place. All are checked by the core
        against capacity, windows, domains and each other, whatever the status.
    unplaced : tuple of str
        Names of requests without a place; empty when OPTIMAL or FEASIBLE.
    objective : float
        Value of the bookings: weighted seconds, seconds from ``now`` to the last end, or money. Least is best.
    bound : float
        No plan is better than this.
    list_objective : float or None
        Value of the best plan of the list scheduler alone; None when it placed not all requests.
    conflict : tuple of str
        When INFEASIBLE: names of requests that cannot all be kept, though any all but one of them can.
    reasons : tuple of str
        Why, in words.
    deterministic : bool
        The same inputs give the same plan anywhere: the wall clock did not stop the search.
    seconds : float
        Time taken.
    """

    status: PlanStatus
    bookings: tuple[Booking, ...]
    unplaced: tuple[str, ...] = ()
    objective: float = 0.0
    bound: float = 0.0
    list_objective: float | None = None
    conflict: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    deterministic: bool = True
    seconds: float = field(default=0.0, compare=False)

    @property
    def gap(self) -> float:
        """(objective - bound) / objective: 0 … 1, 0 when optimal."""
        if self.objective <= self.bound or self.objective == 0:
            return 0.0
        return min(1.0, (self.objective - self.bound) / abs(self.objective))

    def __len__(self) -> int:
        return len(self.bookings)

    def __iter__(self) -> Iterator[Booking]:
        return iter(self.bookings)

    def __getitem__(self, name: str) -> Booking:
        for booking in self.bookings:
            if booking.name == name:
                return booking
        raise KeyError(name)

    def __str__(self) -> str:
        lines = [f"{self.status}: objective {self.objective:,.6g}, gap {100 * self.gap:.1f} %"]
        for b in sorted(self.bookings, key=lambda b: (b.start, b.name)):
            lines.append(f"{show_time(b.start)} … {show_time(b.end)}  {b.name}: {_where(b.nodes)}")
        lines += [f"not placed: {name}" for name in self.unplaced]
        return "\n".join([*lines, *self.reasons])

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as plain values, ready for JSON."""
        return {
            "status": str(self.status),
            "objective": self.objective,
            "bound": self.bound,
            "gap": self.gap,
            "list_objective": self.list_objective,
            "deterministic": self.deterministic,
            "seconds": self.seconds,
            "bookings": [
                {
                    "name": b.name,
                    "start": b.start,
                    "end": b.end,
                    "nodes": list(b.nodes),
                    "maintenance": isinstance(b.request, Maintenance),
                    "caches": dict(caches_of(b.request)),
                }
                for b in self.bookings
            ],
            "unplaced": list(self.unplaced),
            "conflict": list(self.conflict),
            "reasons": list(self.reasons),
        }

    def plot(self, path: str | PathLike[str], *, title: str = "") -> None:
        """Draw the plan as a Gantt chart, a row a node (needs the extra ``plot``).

        Raises
        ------
        InvalidModel
            The plan is empty, or the file cannot be written.
        MissingExtra
            matplotlib is not installed.
        """
        from hal.reserve._draw import draw_plan

        draw_plan(self, path, title=title)


def caches_of(request: Request | Maintenance) -> Mapping[str, int]:
    """Room that a request holds in caches, MiB by name."""
    if isinstance(request, Maintenance):
        return {}
    return {name: int(amount) for name, amount in request.caches.items()}


def _where(nodes: tuple[str, ...]) -> str:
    parts = [
        f"{node} × {count}" if (count := nodes.count(node)) > 1 else node for node in dict.fromkeys(nodes)
    ]
    return ", ".join(parts[:6]) + (f", … ({len(parts)} nodes)" if len(parts) > 6 else "")
