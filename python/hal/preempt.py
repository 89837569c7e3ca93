"""``hal.preempt``: which running jobs to stop so that a more important one fits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hal import _core
from hal._doors import must_be
from hal._show import counted, show
from hal.answer import Placement, Status
from hal.cluster import Cluster, core_of
from hal.errors import InvalidModel
from hal.model import Job
from hal.place import resolve
from hal.placements import Placements, _devices

if TYPE_CHECKING:
    from hal.policy import Policy
    from hal.queues import QueueTree

__all__ = ["Budget", "Preemption", "Victim", "preempt"]


@dataclass(frozen=True, slots=True)
class Budget:
    """How much one plan may disturb a set of jobs.

    Attributes
    ----------
    name : str
        For messages.
    jobs : iterable of str or int
        Running jobs, by name or by the id that `Cluster.apply` gave.
    tasks : int
        Tasks of these jobs that one plan may stop at most; 0 protects them.
    """

    name: str
    jobs: Iterable[str | int]
    tasks: int = 0


@dataclass(frozen=True, slots=True)
class Victim:
    """A running job that a plan stops, whole or in part.

    Attributes
    ----------
    job : str
        Its name; ``#<id>`` for a job that came as a column.
    priority : int
    tasks : tuple of int
        Indices (ranks) of the tasks to stop.
    nodes : tuple of str
        Where those tasks run.
    gpus : tuple of tuple of int
        The devices that they hold.
    left : int
        Tasks that stay; 0: the job ends.
    lost : int
        Work lost, in task-seconds: ``lost_work`` of the job times the tasks stopped.
    """

    job: str
    priority: int
    tasks: tuple[int, ...]
    nodes: tuple[str, ...]
    gpus: tuple[tuple[int, ...], ...]
    left: int
    lost: int


class Preemption:
    """A plan: stop these, then place that. Nothing happens before ``cluster.apply(plan)``.

    Attributes
    ----------
    job : Job
    victims : tuple of Victim
        Empty when the job fits as it is, or when no victims help.
    placement : Placement
        Where the job goes once the victims have stopped.
    exact : bool
        No cheaper set of whole jobs exists. False when the search was cut short, or a gang might have shrunk instead.
    candidates : int
        Running jobs of lower priority.
    considered, clearable : int
        Nodes where some of them run and the job may run; those of them with room once all had stopped.
    """

    def __init__(self, cluster: Cluster, job: Job, plan: Any, policy: Policy) -> None:
        self._handle = cluster._core
        self._plan = plan
        self.job = job
        self.placement: Placement = Placements(cluster, (job,), plan.placement, policy)[0]
        self.exact: bool = plan.exact
        self.candidates: int = plan.candidates
        self.considered: int = plan.considered
        self.clearable: int = plan.clearable
        name = self._handle.name_of
        self.victims = tuple(
            Victim(
                called or f"#{number}",
                priority,
                tuple(tasks),
                tuple(name(node) for node, _ in places),
                tuple(_devices(mask) for _, mask in places),
                left,
                lost,
            )
            for number, called, priority, tasks, places, left, lost in plan.victims
        )

    @property
    def status(self) -> Status:
        """``PLACED`` when the plan makes the job fit."""
        return Status(int(self._plan.placement.status[0]))

    @property
    def cost(self) -> tuple[int, int | None, int, int, int]:
        """(jobs disturbed, highest priority among them, sum of priorities, task-seconds lost, tasks stopped).

        Plans are compared in this order.
        """
        jobs, worst, priorities, lost, tasks = self._plan.cost
        return jobs, worst, priorities, lost, tasks

    @property
    def why(self) -> str:
        """The plan in one line."""
        if self.status is not Status.PLACED:
            if self.status is Status.INFEASIBLE:
                return "it would not fit even on the empty cluster, so stopping others does not help"
            if not self.candidates:
                return f"no running job has a priority below {self.job.priority}"
            if not self.clearable:
                return (
                    f"stopping every job of lower priority ({self.candidates:,}) would clear none of the nodes "
                    f"where one runs and it may run ({self.considered:,})"
                )
            return (
                f"{counted(self.clearable, 'node')} could be cleared of the {counted(self.candidates, 'job')} "
                "of lower priority, but not for all tasks within the budgets"
            )
        if not self.victims:
            return "it fits without stopping anybody"
        count, worst, _, lost, tasks = self.cost
        least = "fewest possible" if self.exact else "none can be spared"
        return (
            f"stops {count} of {counted(self.candidates, 'job')} of lower priority ({least}): "
            f"{counted(tasks, 'task')}, priority {worst} at most, {lost} s of work lost; "
            f"{self.clearable} of {counted(self.considered, 'node')} were clearable"
        )

    def __str__(self) -> str:
        lines = [f"{self.job.name}: {self.status.name}, {self.why}"]
        for victim in self.victims:
            what = "ends" if not victim.left else f"keeps {counted(victim.left, 'task')}"
            where = ", ".join(dict.fromkeys(victim.nodes))
            lines.append(f"  stop {victim.job} (priority {victim.priority}) on {where}: {what}")
        if self.status is Status.PLACED:
            lines.append(f"  then place {self.job.name} on {', '.join(dict.fromkeys(self.placement.nodes))}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"Preemption({self.job.name!r}, {self.status.name}, {len(self.victims)} victims)"

    def _apply(self, cluster: Cluster) -> NDArray[np.int64]:
        if cluster._core is not self._handle:
            raise InvalidModel("plan: was made on another cluster; plan on the one that is to change")
        return np.array([_core.apply_preemption(self._handle, self._plan)], dtype=np.int64)


def preempt(
    cluster: Cluster,
    job: Job,
    policy: Policy | str = "best_fit",
    *,
    lost_work: Mapping[str | int, int] | None = None,
    min_tasks: Mapping[str | int, int] | None = None,
    budgets: Iterable[Budget] = (),
    seed: int | None = None,
    queues: QueueTree | None = None,
) -> Preemption:
    """Plan which running jobs to stop so that a job fits. Pure: ``cluster.apply(plan)`` does it.

    Only jobs of lower priority are stopped. Sets of victims are compared by jobs disturbed, then the highest
    priority among them, then the sum of their priorities, then work lost, then tasks stopped; ties go to the lower
    node index. For a job of one task that no rule and no quota binds, the cheapest set is found. For a gang victims
    are added task by task, each time the cheapest, every victim that can be spared is, and then cheaper sets are looked
    for (`Preemption.exact`).

    Parameters
    ----------
    cluster : Cluster
        Left as it was.
    job : Job
        Not running yet.
    policy : Policy or str
        Where the job goes once there is room.
    lost_work : mapping of str or int to int, optional
        Running job (name or id) → seconds of work lost with each of its tasks that stops (since its last
        checkpoint, say). Absent: 0.
    min_tasks : mapping of str or int to int, optional
        Running gang → the tasks it can go on with. It then shrinks, highest ranks first, before it is stopped
        whole. Absent: it keeps all its tasks or ends.
    budgets : iterable of Budget
        Limits that the plan keeps.
    seed : int, optional
        Replaces the policy's seed.
    queues : QueueTree, optional
        The job is placed within its quota: victims of its own queue are stopped when that is what it takes.

    Returns
    -------
    Preemption
        ``status`` says whether it helps. Not helping is an answer, never an exception.

    Raises
    ------
    InvalidModel
        The job runs already, or an option names a job that does not run. Nothing was changed.
    PolicyError
        As `hal.place`.

    Notes
    -----
    Every plan strictly improves the state in this order: running tasks counted by priority, compared from the
    highest priority down. So plans and placements never run in a circle.

    O(nodes × victims) sets when few victims are enough; the search is exponential in the number of victims of one
    node and is cut short after a fixed effort, the same on every machine (`Preemption.exact`). For gangs, and where
    rules or quotas bind, cheaper sets of whole jobs are ruled out by branch and bound over the room that they leave on
    each node; what no bound rules out is tried, 2000 / tasks sets at most.

    Examples
    --------
    >>> import hal
    >>> cluster = hal.Cluster([hal.Node("n1", cpus=8)])
    >>> _ = cluster.apply(hal.place(cluster, [hal.Job("low", cpus=6), hal.Job("tiny", cpus=2)]))
    >>> plan = hal.preempt(cluster, hal.Job("urgent", cpus=4, priority=10))
    >>> [victim.job for victim in plan.victims]
    ['low']
    >>> _ = cluster.apply(plan)
    >>> cluster.jobs()
    ['urgent', 'tiny']
    """
    must_be(job, Job, "job")
    core = core_of(cluster)
    decided = resolve(policy, seed)
    plan = _core.preempt(
        core,
        job._handle,
        decided._core,
        _amounts("lost_work", lost_work),
        _amounts("min_tasks", min_tasks),
        [_budget(budget) for budget in budgets],
        queues=None if queues is None else queues._core,
    )
    return Preemption(cluster, job, plan, decided)


def _amounts(field: str, given: Mapping[str | int, int] | None) -> list[tuple[str | int, int]]:
    for key, amount in (given or {}).items():
        if isinstance(amount, bool) or not isinstance(amount, (int, np.integer)):
            raise InvalidModel(f"{field}[{key!r}] = {show(amount)}: must be a whole number")
    return [(_key(field, key), int(amount)) for key, amount in (given or {}).items()]


def _key(field: str, key: object) -> str | int:
    if isinstance(key, str):
        return key
    if isinstance(key, bool) or not isinstance(key, (int, np.integer)):
        raise InvalidModel(f"{field}: {show(key)}: name a running job, or give its id")
    return int(key)


def _budget(budget: Budget) -> tuple[str, list[str | int], int]:
    must_be(budget, Budget, "budgets")
    if isinstance(budget.tasks, bool) or not isinstance(budget.tasks, int):
        raise InvalidModel(f"budget {budget.name!r}: tasks = {show(budget.tasks)}: must be a whole number")
    jobs = [budget.jobs] if isinstance(budget.jobs, (str, int)) else budget.jobs
    return budget.name, [_key(f"budget {budget.name!r}", key) for key in jobs], budget.tasks
