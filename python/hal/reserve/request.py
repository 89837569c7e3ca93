"""What is asked for: reservations for work, and maintenance that drains nodes."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, field, replace
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from hal import units
from hal._selectors import as_tuple
from hal._validate import NAME, TEXT, WHOLE, amounts, model, quantity
from hal.errors import InvalidModel
from hal.reserve._times import Duration, Time, optional_time, parse_duration, parse_window
from hal.units import Quantity

__all__ = ["Maintenance", "Request", "occurrences", "whole"]

Window = Sequence[Time | None]
_DURATION = BeforeValidator(functools.partial(parse_duration, field="duration"))
_WINDOW = BeforeValidator(functools.partial(parse_window, field="window"))


def _time(name: str) -> BeforeValidator:
    return BeforeValidator(functools.partial(optional_time, field=name))


def _every(value: Any) -> int | None:
    return None if value is None else parse_duration(value, field="every")


def _cpu(value: Any, *, field: str) -> float:
    return units.cpu_milli(value, field=field) / 1000


@model
class Request:
    """Nodes, and room in caches, for a stretch of time.

    Attributes
    ----------
    name : str
        Unique in a plan.
    duration : float or str
        Seconds, ``"2h"``, ``"1d12h"``.
    tasks : int
        Equal parts that run at the same time, each on one node; amounts are for each. 0: caches only.
    cpus, memory, gpus
        As of `hal.Job`; ``gpus`` are whole devices.
    exclusive : bool
        A task takes its whole node.
    gpu_models : sequence of str
        Nodes all of whose devices are of these models; empty: any.
    selector : mapping of str to str
        Labels that a node must have.
    nodes : sequence of str
        Only these nodes; empty: any.
    level : str
        All tasks in one domain of this level of the topology.
    caches : mapping of str to int or str
        Room held in caches meanwhile, ``{"scratch": "10TB"}``, or a number of MiB.
    start : time, optional
        Starts then and at no other time.
    window : [time, time], optional
        Runs inside it; None leaves a side open.
    deadline : time, optional
        Ends by then or is refused.
    due : time, optional
        Should end by then: what `objective="tardiness"` counts from. Default: the earliest end.
    weight : int
        What a second too late costs, 0 … 10,000.
    every : float or str, optional
        With ``times``: the same again after each such period, all its times moved along.
    times : int
        1 … 10,000 occurrences, called ``name#1``, ``name#2``, … when ``every`` is given.
    power : float, optional
        Watts while it runs, in all. Default: 300 a GPU and 10 a CPU.

    Raises
    ------
    InvalidModel
        A field is wrong or contradicts another; the message names it, its value and the fix.
    """

    name: Annotated[str, NAME]
    _: KW_ONLY
    duration: Annotated[Duration, _DURATION]
    tasks: Annotated[int, WHOLE, Field(ge=0, le=2**16)] = 1
    cpus: Annotated[Quantity, quantity(_cpu, "cpus")] = 0
    memory: Annotated[Quantity, quantity(units.memory_mib, "memory")] = 0
    gpus: Annotated[int, WHOLE, Field(ge=0, le=64)] = 0
    exclusive: Annotated[bool, WHOLE] = False
    gpu_models: Annotated[Sequence[Annotated[str, NAME]], BeforeValidator(as_tuple)] = ()
    selector: Mapping[Annotated[str, NAME], Annotated[str, TEXT]] = field(default_factory=dict)
    nodes: Annotated[Sequence[Annotated[str, NAME]], BeforeValidator(as_tuple)] = ()
    level: Annotated[str, NAME] | None = None
    caches: Annotated[Mapping[Annotated[str, NAME], Quantity], amounts(units.memory_mib, "caches")] = field(
        default_factory=dict
    )
    start: Annotated[Time | None, _time("start")] = None
    window: Annotated[Window | None, _WINDOW] = None
    deadline: Annotated[Time | None, _time("deadline")] = None
    due: Annotated[Time | None, _time("due")] = None
    weight: Annotated[int, WHOLE, Field(ge=0, le=10_000)] = 1
    every: Annotated[Duration | None, BeforeValidator(_every)] = None
    times: Annotated[int, WHOLE, Field(ge=1, le=10_000)] = 1
    power: Annotated[float | None, Field(ge=0, le=1e9, allow_inf_nan=False)] = None

    def __post_init__(self) -> None:
        _check_times(self)
        if self.tasks == 0 and not self.caches:
            raise InvalidModel(f"Request({self.name!r}): tasks = 0: asks for nothing; give tasks or caches")
        if self.tasks and not (self.cpus or self.memory or self.gpus or self.exclusive):
            raise InvalidModel(
                f"Request({self.name!r}): asks for nothing; give cpus, memory, gpus or exclusive: true"
            )

    @property
    def watts(self) -> int:
        """Power of all tasks together."""
        if self.power is not None:
            return round(self.power)
        return round(self.tasks * (300 * self.gpus + 10 * float(self.cpus)))


@model
class Maintenance:
    """Nodes emptied and kept empty for a stretch of time, all at once.

    Attributes
    ----------
    name : str
        Unique in a plan.
    nodes : sequence of str
        At least one. Nothing else is reserved on them meanwhile.
    duration, start, window, deadline, every, times
        As of `Request`.

    Raises
    ------
    InvalidModel
        As `Request`.
    """

    name: Annotated[str, NAME]
    _: KW_ONLY
    nodes: Annotated[Sequence[Annotated[str, NAME]], BeforeValidator(as_tuple), Field(min_length=1)]
    duration: Annotated[Duration, _DURATION]
    start: Annotated[Time | None, _time("start")] = None
    window: Annotated[Window | None, _WINDOW] = None
    deadline: Annotated[Time | None, _time("deadline")] = None
    every: Annotated[Duration | None, BeforeValidator(_every)] = None
    times: Annotated[int, WHOLE, Field(ge=1, le=10_000)] = 1
    kind: Literal["maintenance"] = "maintenance"

    def __post_init__(self) -> None:
        _check_times(self)


def _check_times(entry: Request | Maintenance) -> None:
    who = f"{type(entry).__name__}({entry.name!r})"
    if entry.start is not None and entry.window is not None:
        raise InvalidModel(f"{who}: start and window: give one of them")
    if entry.times > 1 and entry.every is None:
        raise InvalidModel(f"{who}: times = {entry.times}: needs every, the time from one to the next")
    if entry.every is not None and entry.start is None and (entry.window is None or entry.window[0] is None):
        raise InvalidModel(f"{who}: every: needs a start, or a window with a begin, to move along")


def occurrences(entry: Request | Maintenance) -> list[Request | Maintenance]:
    """Return the single reservations that a recurring one stands for."""
    if entry.every is None:
        return [entry]
    period: int = whole(entry.every)
    out: list[Request | Maintenance] = []
    for i in range(entry.times):
        moved: dict[str, Any] = {
            name: None if (value := getattr(entry, name)) is None else whole(value) + i * period
            for name in ("start", "deadline", "due")
            if hasattr(entry, name)
        }
        if entry.window is not None:
            moved["window"] = tuple(
                side if side is None else whole(side) + i * period for side in entry.window
            )
        out.append(replace(entry, name=f"{entry.name}#{i + 1}", every=None, times=1, **moved))
    return out


def whole(value: Any) -> int:
    """Return a field that a validator has made an integer, as the type that it has become."""
    return int(value)
