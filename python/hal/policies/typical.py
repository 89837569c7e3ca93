"""Typical tasks: what a fragmentation policy expects to come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any, Literal

from hal._show import show
from hal.errors import InvalidModel
from hal.model import Job

__all__ = ["Typical", "TypicalTask", "core_typical", "typical_tasks"]


@dataclass(frozen=True, slots=True)
class TypicalTask:
    """A class of equal tasks and how often it comes.

    Attributes
    ----------
    cpu : int
        milli-CPU.
    gpu_milli : int
        Share of each device, 0 without GPUs.
    gpus : int
        Devices, 0 … 64.
    gpu_models : tuple of str
        Allowed models; empty: any.
    count : int
        Occurrences, 0 or more.
    """

    cpu: int
    gpu_milli: int
    gpus: int
    gpu_models: tuple[str, ...]
    count: int


#: Classes of tasks, a sample of jobs, or ``"seen"``: what the cluster has been asked for so far.
Typical = Literal["seen"] | Sequence[TypicalTask] | Sequence[Job]


def typical_tasks(value: Any) -> Any:
    """Return ``"seen"`` or a tuple of TypicalTask; a sample of jobs is counted."""
    if isinstance(value, str):
        if value != "seen":
            raise InvalidModel(f'typical = {show(value)}: must be "seen", TypicalTasks or Jobs')
        return value
    try:
        items = list(value)
        if items and all(isinstance(item, Job) for item in items):
            counted: Counter[tuple[int, int, int, tuple[str, ...]]] = Counter()
            for job in items:
                counted[job.cpu_milli, job.gpu_milli, job.gpus, tuple(job.gpu_models)] += job.tasks
            return tuple(TypicalTask(*request, count) for request, count in counted.items())
    except TypeError:
        raise InvalidModel(f'typical = {show(value)}: must be "seen", TypicalTasks or Jobs') from None
    for index, task in enumerate(items):
        if not isinstance(task, TypicalTask):
            raise InvalidModel(f"typical[{index}] = {show(task)}: must be a TypicalTask, or all of them Jobs")
        numbers = (task.cpu, task.gpu_milli, task.gpus, task.count)
        if not all(type(number) is int and 0 <= number <= 2**42 for number in numbers):
            raise InvalidModel(f"typical[{index}] = {show(task)}: amounts must be whole numbers, 0 or more")
    if not items:
        raise InvalidModel('typical = (): names no task; use "seen" when nothing is known')
    return tuple(items)


def core_typical(typical: Typical) -> Any:
    """Return what the core takes: ``"seen"`` or rows."""
    return typical if isinstance(typical, str) else [astuple(task) for task in typical]
