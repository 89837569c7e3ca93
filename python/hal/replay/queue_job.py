"""What a live queue is told of a job, and what it answers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from hal.errors import InvalidModel
from hal.model import Job

__all__ = ["Actions", "After", "QueueJob"]

#: When a job may follow another: it ended well, it ended in whatever way, it has started.
After = Literal["ok", "any", "start"]

_LONGEST: Final = 2**31 - 2


@dataclass(frozen=True, slots=True)
class QueueJob:
    """A job as a queue needs to know it.

    Attributes
    ----------
    name : str
        Unique in the queue. An array's tasks are called ``name[0]``, ``name[1]``, ….
    procs : int
        Processors of each task, at least 1.
    requested : int
        Time limit of each task, seconds, 1 to 2**31 - 2.
    user : str
        For predictions by user.
    priority : float
        For the order ``"priority"``.
    predicted : int, optional
        Runtime in seconds for the prediction ``"given"``; the request by default.
    after : mapping of str to {"ok", "any", "start"}
        Jobs (or whole arrays) to wait for. ``"ok"``: all of it ended well, and if it did not this job is
        dropped; ``"any"``: it ended in whatever way; ``"start"``: all of it has started.
    tasks : int, optional
        Makes the job an array.
    at_most : int, optional
        How many tasks of the array may be in the queue or run at once.
    checkpoint : int, optional
        Seconds between checkpoints: a requeued task asks only for what it has not saved.
    needs : Job, optional
        What each task needs on the nodes of a queue in front of a cluster; its name is not looked at. By default
        ``procs`` tasks of 1 CPU, on any nodes.
    """

    name: str
    procs: int
    requested: int
    user: str = ""
    priority: float = 0.0
    predicted: int | None = None
    after: Mapping[str, After] = field(default_factory=dict)
    tasks: int | None = None
    at_most: int | None = None
    checkpoint: int | None = None
    needs: Job | None = None

    def __post_init__(self) -> None:
        limits: tuple[tuple[str, float | None, float], ...] = (
            ("procs", self.procs, 1),
            ("requested", self.requested, 1),
            ("predicted", self.predicted, 0),
            ("tasks", self.tasks, 1),
            ("at_most", self.at_most, 1),
            ("checkpoint", self.checkpoint, 1),
        )
        for name, value, least in limits:
            if value is not None and not least <= value <= _LONGEST:
                raise InvalidModel(f"job {self.name!r}: {name} is {value}; give {least} to 2**31 - 2")
        if not math.isfinite(self.priority):
            raise InvalidModel(f"job {self.name!r}: priority is {self.priority}; give a finite number")
        if self.at_most is not None and self.tasks is None:
            raise InvalidModel(f"job {self.name!r}: at_most is for arrays; give tasks as well")
        for other, kind in self.after.items():
            if kind not in ("ok", "any", "start"):
                raise InvalidModel(
                    f"job {self.name!r}: after[{other!r}] is {kind!r}; use 'ok', 'any' or 'start'"
                )

    def on_nodes(self, task: str) -> Job:
        """Return a task as `hal.place` takes it."""
        if self.needs is None:
            return Job(task, tasks=self.procs, cpus=1)
        return replace(self.needs, name=task)

    @property
    def task_names(self) -> tuple[str, ...]:
        """The tasks that are queued, started and ended one by one."""
        return (self.name,) if self.tasks is None else tuple(f"{self.name}[{i}]" for i in range(self.tasks))


@dataclass(slots=True)
class Actions:
    """What the host has to do, in this order.

    Attributes
    ----------
    start : list of str
        Tasks to start now. The queue counts them as running already.
    kill : list of str
        Running tasks past their time limit; report their end with `Queue.finish`.
    dropped : dict of str to str
        Tasks that will never run, and why.
    requeued : list of str
        Tasks that have lost a node and wait again; stop what is left of them before you start anything.
    """

    start: list[str] = field(default_factory=list)
    kill: list[str] = field(default_factory=list)
    dropped: dict[str, str] = field(default_factory=dict)
    requeued: list[str] = field(default_factory=list)
