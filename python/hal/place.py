"""``hal.place``: the one decision everything else prepares."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hal import _core, policies
from hal._doors import flag, listed, must_be
from hal._show import show
from hal.answer import Explanation
from hal.cluster import Cluster, core_of
from hal.errors import InvalidModel, PolicyError
from hal.job_columns import JobColumns
from hal.model import Job
from hal.placements import Placements
from hal.policy import Policy
from hal.queues import QueueTree

__all__ = ["ORDERS", "explain", "place"]

#: Orders by name, beside the given one: what each sorts by, stably.
ORDERS: Final = ("given", "priority", "largest_first", "smallest_first")


def place(
    cluster: Cluster,
    jobs: Job | Iterable[Job] | JobColumns,
    policy: Policy | str = "best_fit",
    *,
    order: str | NDArray[np.int64] | Sequence[int] | None = None,
    seed: int | None = None,
    apply: bool = False,
    queues: QueueTree | None = None,
) -> Placements:
    """Decide where jobs run, each seeing those before it.

    Parameters
    ----------
    cluster : Cluster
        Left as it was unless ``apply``.
    jobs : Job, iterable of Job, or JobColumns
        Gangs (``tasks`` > 1) are placed whole or not at all.
    policy : Policy or str
        A composed policy, or text that `hal.policies.get` understands: ``"fgd"``, ``"pack_spread(0.3)"``,
        ``"fgd + 0.5 * spread"``.
    order : str or sequence of int, optional
        ``"given"`` (default), ``"priority"`` (higher first), ``"largest_first"``, ``"smallest_first"`` (by GPU,
        then CPU, then memory of the whole job), or a permutation of the rows.
    seed : int, optional
        Replaces the policy's seed.
    apply : bool
        Book the result at once, as ``cluster.apply`` would.
    queues : QueueTree, optional
        No job takes its queue, or one above it, over a maximum; every job must name a leaf. What runs counts,
        however it came to run. Booking the result later asks the quotas again.

    Returns
    -------
    Placements
        In the given order of jobs. Not fitting is an answer, never an exception.

    Raises
    ------
    InvalidModel
        A name comes twice or runs already, or ``order`` is no permutation. Nothing was changed.
    PolicyError
        The policy is unknown, or failed while it scored. Nothing was changed.

    Notes
    -----
    O(log n) a task once a shape has been seen, O(n) the first time; the GIL is released. The same inputs and seed
    give the same answer on any machine.

    Examples
    --------
    >>> import hal
    >>> cluster = hal.Cluster([hal.Node("n1", cpus=8), hal.Node("n2", cpus=4)])
    >>> hal.place(cluster, hal.Job("small", cpus=2))[0].nodes
    ('n2',)
    """
    if type(apply) is not bool:
        apply = flag(apply, "apply")
    if type(cluster) is not Cluster or type(cluster._core) is not _core.Cluster:
        core_of(cluster)
    decided = resolve(policy, seed)
    tree = None if queues is None else must_be(queues, QueueTree, "queues")._core
    if type(jobs) is Job and tree is None:
        if order is not None:
            _permutation(order, [jobs])
        result = _core.place_one(cluster._core, jobs._handle, decided._core, apply)
        return Placements(cluster, (jobs,), result, decided, None, None, apply)
    if isinstance(jobs, JobColumns):
        rows = _permutation(order, jobs)
        if rows is not None:
            jobs = jobs.take(rows)
        result = _core.place_columns(
            cluster._core,
            jobs.shape,
            jobs.shapes,
            jobs.tasks,
            decided._core,
            apply,
            tree,
            jobs.traits,
            jobs.all_traits,
        )
        return Placements(cluster, jobs, result, decided, rows, tree, apply)
    given = tuple(listed(jobs, Job, "jobs"))
    rows = _permutation(order, given)
    if rows is not None:
        given = tuple(given[row] for row in rows.tolist())
    result = _core.place(cluster._core, [job._handle for job in given], decided._core, apply, tree)
    return Placements(cluster, given, result, decided, rows, tree, apply)


def explain(
    cluster: Cluster,
    job: Job,
    policy: Policy | str = "best_fit",
    *,
    top: int = 5,
    queues: QueueTree | None = None,
) -> Explanation:
    """Say where a job would go now, or why nowhere; places nothing.

    The same as ``hal.place(cluster, job, policy).explain(job.name)``.
    """
    return place(cluster, job, policy, queues=queues).explain(0, top=top)


def resolve(policy: Policy | str, seed: int | None) -> Policy:
    if seed is not None and not isinstance(seed, (int, np.integer)):
        raise PolicyError(f"seed = {show(seed)}: must be a whole number")
    if type(policy) is str:
        return _named(policy, seed)
    if isinstance(policy, Policy):
        return policy if seed is None else _seeded(policy, seed)
    raise PolicyError(f"policy = {show(policy)}: must be a name or a hal.Policy")


# One object a name: the core keeps its scores by policy object, so that the next call finds them.
@lru_cache(maxsize=256)
def _named(text: str, seed: int | None) -> Policy:
    return policies.get(text) if seed is None else policies.get(text).with_seed(seed)


@lru_cache(maxsize=256)
def _seeded(policy: Policy, seed: int) -> Policy:
    return policy.with_seed(seed)


def _permutation(order: object, jobs: Sequence[Job] | JobColumns) -> NDArray[np.int64] | None:
    if order is None or (isinstance(order, str) and order == "given"):
        return None
    if isinstance(order, str):
        if order not in ORDERS:
            raise InvalidModel(f"order = {show(order)}: must be one of {', '.join(ORDERS)}, or a permutation")
        if order == "priority":
            if isinstance(jobs, JobColumns):
                raise InvalidModel('order = "priority": columns carry no priority; give a permutation')
            return np.argsort(np.array([-job.priority for job in jobs], dtype=np.int64), kind="stable")
        size = _sizes(jobs)
        sign = -1 if order == "largest_first" else 1
        return np.lexsort(tuple(sign * column for column in reversed(size)))
    rows = np.asarray(order)
    if rows.dtype.kind not in "iu" or rows.shape != (len(jobs),):
        raise InvalidModel(
            f"order: must name each of the {len(jobs)} rows once; got {rows.dtype} of {rows.shape}"
        )
    rows = rows.astype(np.int64)
    if not np.array_equal(np.sort(rows), np.arange(len(jobs))):
        raise InvalidModel(f"order: must name each of the {len(jobs)} rows exactly once")
    return rows


def _sizes(jobs: Sequence[Job] | JobColumns) -> tuple[NDArray[np.int64], ...]:
    """(GPU, CPU, memory) of each whole job, in base units."""
    if isinstance(jobs, JobColumns):
        states = [shape.state() for shape in jobs.shapes]
        each = np.array(
            [(gpus * milli, cpu, memory) for cpu, memory, gpus, milli, *_ in states], dtype=np.int64
        )
        table = each.reshape(-1, 3)[jobs.shape] * (
            1 if jobs.tasks is None else jobs.tasks[:, None].astype(np.int64)
        )
    else:
        table = np.array(
            [(j.gpus * j.gpu_milli * j.tasks, j.cpu_milli * j.tasks, j.memory_mib * j.tasks) for j in jobs],
            dtype=np.int64,
        ).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2]
