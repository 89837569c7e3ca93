"""What makes a job's tasks a gang: levels of the topology, slices, elasticity, further roles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field

from hal import _core
from hal._show import show
from hal._validate import NAME, WHOLE, model
from hal.errors import InvalidModel

if TYPE_CHECKING:
    from hal.model import Job

__all__ = ["Gang"]


def _roles(value: Any) -> tuple[Any, ...]:
    from hal.model import Job

    if not isinstance(value, (list, tuple)):
        raise InvalidModel(f"roles = {show(value)}: give a list of hal.Job")
    jobs = tuple(Job(**item) if isinstance(item, Mapping) else item for item in value)
    for job in jobs:
        if not isinstance(job, Job):
            raise InvalidModel(f"roles = {show(job)}: give a list of hal.Job")
        if job.gang is not None and (job.gang.required or job.gang.preferred or job.gang.roles):
            raise InvalidModel(f"role {job.name!r}: levels and roles belong to the gang, not to a role of it")
    return jobs


@model
class Gang:
    """How the tasks of a job belong together, for ``Job(gang=…)``.

    All tasks are placed or none. On a cluster with a topology they go where the lowest domain around them is
    lowest, and there where their total pairwise distance is least; ranks follow the tree.

    Attributes
    ----------
    required : str, optional
        Level of the topology: all tasks share a domain of it, or of a level below.
    preferred : str, optional
        Level below which a narrower spread is worth nothing; then only distance counts.
    slice : int
        Every ``slice`` consecutive ranks share a domain of `slice_level`; divides ``tasks`` and `min_tasks`.
    slice_level : str, optional
        None: one node.
    min_tasks : int, optional
        Enough to start (elastic): as many as fit are placed, from this up to ``tasks``. None: all.
    roles : sequence of Job
        Further tasks with requests of their own, after the job's in rank: the workers of a driver. A role's own
        ``gang`` may set `slice`, `slice_level` and `min_tasks`. At most 31.

    Examples
    --------
    >>> import hal
    >>> workers = hal.Job("worker", tasks=8, gpus=1, gang=hal.Gang(min_tasks=2))
    >>> job = hal.Job("spark", cpus=4, gang=hal.Gang(required="rack", roles=[workers]))
    """

    _: KW_ONLY
    required: Annotated[str, NAME] | None = None
    preferred: Annotated[str, NAME] | None = None
    slice: Annotated[int, WHOLE, Field(ge=1, le=2**20)] = 1
    slice_level: Annotated[str, NAME] | None = None
    min_tasks: Annotated[int, WHOLE, Field(ge=1, le=2**20)] | None = None
    roles: Annotated[Sequence[Any], BeforeValidator(_roles)] = ()

    def _spec(self, job: Job, shape: _core.Shape) -> _core.Gang:
        """Return the core's form; `job` is the one that this gang is of, its `shape` that of its own tasks."""
        rows = [self._row(shape, job.tasks)]
        for role in self.roles:
            rows.append((role.gang or Gang())._row(role._shape(), role.tasks))
        return _core.Gang(rows, self.required or "", self.preferred or "")

    def _row(self, shape: _core.Shape, tasks: int) -> tuple[_core.Shape, int, int, int, str]:
        least = tasks if self.min_tasks is None else self.min_tasks
        return shape, tasks, least, self.slice, self.slice_level or ""
