"""How the jobs of a cluster enter its books, change in them, and leave."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hal import _core
from hal._building import Building
from hal._columns import check_column
from hal._doors import listed, must_be
from hal._show import show
from hal.errors import HalError, InvalidModel
from hal.gang import Gang
from hal.model import Job

if TYPE_CHECKING:
    from hal.policy import Policy
    from hal.queues import QueueTree

__all__ = ["Booking"]


class Booking(Building):
    """The part of `Cluster` that books jobs."""

    __slots__ = ()

    def bind(
        self,
        job: Job,
        nodes: Sequence[str],
        *,
        gpus: Sequence[Sequence[int] | None] | None = None,
        roles: Sequence[str] = (),
    ) -> None:
        """Enter a job that runs already, where it runs, with its queue, labels, rules and gang.

        Quotas and rules are not asked: what runs, runs. From then on they count it.

        Parameters
        ----------
        job : Job
        nodes : sequence of str
            Node of each task.
        gpus : sequence of (sequence of int or None), optional
            Device indices of each task; None: the tightest that fit.
        roles : sequence of str, optional
            Of a gang, the name of each task's role, role by role, as `Placement.roles` has them. Empty: there is one
            role, or every role is whole.

        Raises
        ------
        InvalidModel
            The name runs already, a node is not there, what it holds is not free, or the roles are not the gang's.
            Nothing was changed.
        """
        must_be(job, Job, "job")
        nodes = listed(nodes, str, "nodes")
        masks: list[int | None] = [None] * len(nodes)
        if gpus is not None:
            if len(gpus) != len(nodes):
                raise InvalidModel(
                    f"gpus: {len(gpus)} entries for {len(nodes)} tasks; give one a task, or None"
                )
            masks = [None if task is None else _mask(task) for task in gpus]
        tasks = list(zip(nodes, masks, strict=True))
        if job.gang is not None:
            self._core.bind_gang(job._handle, tasks, _positions(job, job.gang, len(tasks), roles))
            return
        if roles:
            raise InvalidModel(f"roles = {show(list(roles))}: job {job.name!r} is no gang; leave them out")
        self._core.bind(job.name, job._handle.shape, tasks, job.priority, job._traits())

    def release(self, jobs: str | Iterable[str] | NDArray[np.int64]) -> None:
        """Give back all that jobs hold, all or none.

        Parameters
        ----------
        jobs : str, iterable of str, or int64 array
            Names, or ids from `apply`.

        Raises
        ------
        InvalidModel
            One of them does not run here.
        """
        if isinstance(jobs, np.ndarray):
            self._core.release_ids(check_column("jobs", jobs, np.int64, None))
            return
        if isinstance(jobs, str):
            self._core.release(jobs)
            return
        names = listed(jobs, str, "jobs")
        mark = self._core.mark()
        try:
            for name in names:
                self._core.release(name)
        except HalError:
            self._core.rollback(mark)
            raise
        self._core.keep(mark)

    def resize(
        self,
        job: str,
        tasks: int | Sequence[int],
        *,
        policy: Policy | str = "best_fit",
        queues: QueueTree | None = None,
    ) -> bool:
        """Shrink or grow a job that runs, all of the change or none.

        Tasks are given up so that the rest is nearest together, and taken as near to it as there is room; on a
        cluster with a topology ranks are then given anew along the tree.

        Parameters
        ----------
        job : str
        tasks : int or sequence of int
            New count of tasks, of each role when there are several; from ``min_tasks`` to ``tasks`` of a gang.
        policy : Policy or str
            Its filters hold for new tasks; without a topology its scores choose their nodes.
        queues : QueueTree, optional
            Growing takes no queue over a maximum.

        Returns
        -------
        bool
            False when there is no room on the nodes, within the rules or in the queue; nothing was changed then.

        Raises
        ------
        InvalidModel
            The job does not run here, or a count is not one its gang allows.
        """
        from hal.place import resolve

        counts = listed(tasks, int, "tasks")
        if not all(type(count) is int and 0 < count <= 2**20 for count in counts):
            raise InvalidModel(f"tasks = {show(tasks)}: must be whole numbers from 1 to 2**20")
        tree = None if queues is None else queues._core
        return bool(
            _core.resize(self._core, must_be(job, str, "job"), counts, resolve(policy, None)._core, tree)
        )


def _positions(job: Job, gang: Gang, tasks: int, given: Sequence[str]) -> list[int]:
    """Return the position of each task's role."""
    every = (job, *gang.roles)
    if given:
        names = [role.name for role in every]
        for name in given:
            if names.count(name) != 1:
                raise InvalidModel(
                    f"roles = {show(list(given))}: {name!r} is the name of no role, or of several"
                )
        return [names.index(name) for name in given]
    if len(every) > 1 and sum(role.tasks for role in every) != tasks:
        raise InvalidModel(f"roles: give the role of each of the {tasks} tasks; not every role is whole")
    return (
        [row for row, role in enumerate(every) for _ in range(role.tasks)] if len(every) > 1 else [0] * tasks
    )


def _mask(devices: Sequence[int]) -> int:
    mask = 0
    for device in devices:
        if type(device) is not int or not 0 <= device < 64 or mask >> device & 1:
            raise InvalidModel(f"gpus = {show(list(devices))}: must be different device indices from 0 to 63")
        mask |= 1 << device
    return mask
