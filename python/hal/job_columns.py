"""Jobs as numpy columns: no Python object a job."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from os import PathLike
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hal import _core
from hal._columns import check_column, zeros
from hal._doors import listed, texts
from hal._show import counted, show
from hal.errors import InvalidModel
from hal.model import Job
from hal.rules import traits as traits_of

__all__ = ["JobColumns"]

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]


class JobColumns:
    """Many jobs as columns, all checked once, here.

    Arrays are read in place and must not change while a call uses them.

    Parameters
    ----------
    cpu_milli : (n,) int64
        milli-CPU of each task.
    memory_mib : (n,) int64
        MiB of each task.
    gpus : (n,) int64, optional
        Devices of each task, 0 … 64.
    gpu_milli : (n,) int64, optional
        Share of each device, 1 … 1000 where ``gpus`` is above 0 and 0 elsewhere. Default: whole devices.
    gpu_models : (n,) int32, optional
        Index into ``model_sets``. Default: any model.
    model_sets : sequence of sequence of str
        Sets of allowed models; an empty one allows any.
    tasks : (n,) int32, optional
        Tasks of each job, 1 … 2**20. Default: 1.
    queue : (n,) int32, optional
        Index into ``queue_names`` of the queue that each job is charged to, -1: none. Default: none.
    queue_names : sequence of str

    Raises
    ------
    InvalidModel
        An array has the wrong type, dtype, shape or order, or a value out of range; the message names it.

    Examples
    --------
    >>> import numpy as np
    >>> jobs = JobColumns(cpu_milli=np.full(3, 4000), memory_mib=np.full(3, 1024), gpus=np.array([0, 1, 8]))
    >>> len(jobs)
    3
    """

    __slots__ = ("all_traits", "shape", "shapes", "tasks", "traits")

    shape: I32
    shapes: list[_core.Shape]
    tasks: I32 | None
    traits: I32 | None  # by job, index into all_traits, -1: none
    all_traits: list[_core.Traits]

    def __init__(
        self,
        *,
        cpu_milli: I64,
        memory_mib: I64,
        gpus: I64 | None = None,
        gpu_milli: I64 | None = None,
        gpu_models: I32 | None = None,
        model_sets: Sequence[Sequence[str]] = ((),),
        tasks: I32 | None = None,
        queue: I32 | None = None,
        queue_names: Sequence[str] = (),
    ) -> None:
        cpu = check_column("cpu_milli", cpu_milli, np.int64, None)
        size = cpu.size
        memory = check_column("memory_mib", memory_mib, np.int64, size)
        number = (
            zeros(size, np.int64) if gpus is None else check_column("gpus", gpus, np.int64, size, most=64)
        )
        if gpu_milli is None:
            share = np.where(number > 0, 1000, 0)
        else:
            share = check_column("gpu_milli", gpu_milli, np.int64, size, most=1000)
        wrong = np.flatnonzero((share > 0) != (number > 0))
        if wrong.size:
            row = int(wrong[0])
            raise InvalidModel(
                f"gpu_milli[{row}] = {int(share[row])} with gpus[{row}] = {int(number[row])}: "
                "must be 1 … 1000 where gpus is above 0, and 0 elsewhere"
            )
        sets = _check_sets(model_sets)
        models = (
            zeros(size, np.int32)
            if gpu_models is None
            else check_column("gpu_models", gpu_models, np.int32, size, most=len(sets) - 1)
        )
        self._set_tasks(tasks, size)
        self.traits, self.all_traits = None, []
        if queue is not None:
            names = texts("queue_names", queue_names, names=True)
            self.traits = check_column("queue", queue, np.int32, size, least=-1, most=len(names) - 1)
            self.all_traits = [traits_of(name, (), (), False) for name in names]
        self.shapes, self.shape = _intern((cpu, memory, number, share, models), sets)

    @classmethod
    def from_shapes(cls, shape: I32, shapes: Sequence[Job], *, tasks: I32 | None = None) -> Self:
        """Columns of jobs that repeat a few prototypes.

        Parameters
        ----------
        shape : (n,) int32
            Index into ``shapes`` of each job.
        shapes : sequence of Job
            Prototypes, with their queues, labels and rules; names, tasks, priorities and gangs are not looked at.
        tasks : (n,) int32, optional
            Tasks of each job. Default: 1.

        Raises
        ------
        InvalidModel
            Wrong array, or an index that ``shapes`` does not have.
        """
        shapes = listed(shapes, Job, "shapes")
        self = cls.__new__(cls)
        self.shape = check_column("shape", shape, np.int32, None, most=len(shapes) - 1)
        self.shapes = [job._shape() for job in shapes]
        given = [job._traits() for job in shapes]
        self.all_traits = [traits for traits in given if traits is not None]
        at = np.cumsum([traits is not None for traits in given], dtype=np.int32) - 1
        at[[traits is None for traits in given]] = -1
        self.traits = np.ascontiguousarray(at[self.shape]) if self.all_traits else None
        self._set_tasks(tasks, self.shape.size)
        return self

    @classmethod
    def from_openb(cls, path: str | PathLike[str]) -> Self:
        """Read the tasks of an OpenB task list, in file order.

        Raises
        ------
        InvalidModel
            As `hal.replay.openb.read_tasks`.
        """
        from hal.replay.openb import read_tasks

        return cls.from_tasks(read_tasks(path))

    @classmethod
    def from_tasks(cls, tasks: Any, rows: NDArray[np.integer] | None = None) -> Self:
        """Columns of the OpenB tasks in ``rows`` (default: all, in file order)."""
        whole = cls(
            cpu_milli=tasks.cpu,
            memory_mib=tasks.memory,
            gpus=tasks.gpus,
            gpu_milli=tasks.gpu_milli,
            gpu_models=tasks.gpu_models,
            model_sets=tasks.model_sets,
        )
        return whole if rows is None else whole.take(rows)

    def take(self, rows: NDArray[np.integer]) -> Self:
        """Return the jobs of these rows, in this order, copies included; O(rows)."""
        rows = np.asarray(rows)
        size = len(self)
        if rows.ndim != 1 or (rows.size and rows.dtype.kind not in "iu"):
            raise InvalidModel(
                f"rows: must be whole numbers in one dimension; got {rows.dtype} of {rows.shape}"
            )
        wrong = np.flatnonzero((rows < -size) | (rows >= size))
        if wrong.size:
            raise InvalidModel(
                f"rows[{wrong[0]}] = {rows[wrong[0]]}: must be below {size}, the number of jobs"
            )
        rows = rows.astype(np.int64, copy=False)
        other = type(self).__new__(type(self))
        other.shapes = self.shapes
        other.shape = np.ascontiguousarray(self.shape[rows])
        other.tasks = None if self.tasks is None else np.ascontiguousarray(self.tasks[rows])
        other.traits = None if self.traits is None else np.ascontiguousarray(self.traits[rows])
        other.all_traits = self.all_traits
        return other

    def __len__(self) -> int:
        return self.shape.size

    def __repr__(self) -> str:
        return f"JobColumns({counted(len(self), 'job')}, {counted(len(self.shapes), 'shape')})"

    def _set_tasks(self, tasks: I32 | None, size: int) -> None:
        self.tasks = (
            None if tasks is None else check_column("tasks", tasks, np.int32, size, least=1, most=2**20)
        )


def _intern(columns: tuple[NDArray[Any], ...], sets: list[list[str]]) -> tuple[list[_core.Shape], I32]:
    """Return the distinct rows as shapes, and each row's index into them; O(n log n)."""
    key = np.zeros(columns[0].size, dtype=np.int64)
    for column in columns:
        values, code = np.unique(column, return_inverse=True)
        # Both factors are below n, so their product stays inside int64 for any n that fits in memory.
        _, key = np.unique(key * max(values.size, 1) + code, return_inverse=True)
    _, first, index = np.unique(key, return_index=True, return_inverse=True)
    rows = zip(*(column[first].tolist() for column in columns), strict=True)
    shapes = [
        _core.Shape(cpu, memory, gpus, milli, 0, sets[models] if gpus else [])
        for cpu, memory, gpus, milli, models in rows
    ]
    return shapes, index.astype(np.int32)


def _check_sets(model_sets: Sequence[Sequence[str]]) -> list[list[str]]:
    if isinstance(model_sets, (str, bytes)) or not isinstance(model_sets, Iterable):
        raise InvalidModel(f"model_sets = {show(model_sets)}: must be a sequence of sets of model names")
    return [texts(f"model_sets[{index}]", models, names=True) for index, models in enumerate(model_sets)]
