"""What moving a few tasks after the published experiment brings: idle GPUs before and after, and their floor."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hal.errors import InvalidModel
from hal.job_columns import JobColumns
from hal.place import place
from hal.policy import Policy
from hal.rebalance import rebalance
from hal.replay.openb.experiment import Experiment
from hal.replay.openb.policies import published_policy

__all__ = ["Rebalanced", "idle_floor", "run_rebalanced"]


@dataclass(frozen=True)
class Rebalanced:
    """One replay, then moves, then the tasks that had been dropped.

    Attributes
    ----------
    trace, policy : str
    seed : int
    placed, waiting : int
        Tasks before the moves.
    allowed, moves : int
        Moves that were allowed and made.
    idle, after, floor : float
        Idle GPU share before, after, and the least that any number of moves could reach (`idle_floor`); % of capacity.
    seconds : float
        Wall time of the planning.
    """

    trace: str
    policy: str
    seed: int
    placed: int
    waiting: int
    allowed: int
    moves: int
    idle: float
    after: float
    floor: float
    seconds: float

    @property
    def used(self) -> float:
        """Points of capacity that were idle and are in use."""
        return self.idle - self.after

    @property
    def possible(self) -> float:
        """Most points that any moves could have brought into use."""
        return self.idle - self.floor


def idle_floor(placed: NDArray[np.int64], waiting: NDArray[np.int64]) -> int:
    """GPU share (milli) that stays idle however the placed tasks are moved, as long as all of them stay.

    Two tasks of more than half a device never share one. So the tasks of at least t > 500 milli sit on a device each,
    and what each leaves there can be filled only by tasks of at most 1000 - t milli; there are only so many of those,
    waiting ones included. The most over all t.

    Parameters
    ----------
    placed, waiting : (n,) int64
        Share of one device of each task, 1 … 1000 milli; 0 for tasks without GPU or with several.

    Examples
    --------
    >>> import numpy as np
    >>> idle_floor(np.array([810, 810, 160]), np.array([220, 1000]))
    220
    """
    everything = np.concatenate([placed, waiting])
    floor = 0
    for least in np.unique(placed[(placed > 500) & (placed < 1000)]).tolist():
        large = placed[(placed >= least) & (placed < 1000)]
        small = everything[everything <= 1000 - least].sum()
        floor = max(floor, int((1000 - large).sum() - small))
    return floor


def run_rebalanced(experiment: Experiment, policy: str | Policy, seed: int, share: float) -> Rebalanced:
    """Replay one trace, move at most ``share`` of the placed tasks, then place what had been dropped.

    Parameters
    ----------
    experiment : Experiment
    policy : str or Policy
        As for `run`.
    seed : int
    share : float
        0 … 1.

    Raises
    ------
    InvalidModel
        ``share`` is out of range.
    """
    if not 0 <= share <= 1:
        raise InvalidModel(f"rebalance = {share!r}: must lie in 0 … 1, the share of the placed tasks to move")
    arrivals, order = experiment.order(seed)
    nodes, tasks = experiment.nodes.take(order), experiment.tasks
    cluster = nodes.cluster()
    decided = policy if isinstance(policy, Policy) else published_policy(policy, tasks, seed=seed)
    done = place(cluster, JobColumns.from_tasks(tasks, arrivals), decided, apply=True).status == 0
    demand, capacity = tasks.gpu_demand[arrivals], nodes.gpu_capacity
    left = arrivals[~done]
    waiting = JobColumns.from_tasks(tasks, left)
    allowed = int(share * done.sum())
    start = time.perf_counter()
    plan = rebalance(cluster, max_moves=allowed, want=waiting, policy=decided)
    seconds = time.perf_counter() - start
    cluster.apply(plan)
    late = place(cluster, waiting, decided, order="largest_first", apply=True)
    found = int(demand[~done][late.row][late.status == 0].sum())
    idle = capacity - int(demand[done].sum())
    single = np.where(tasks.gpus == 1, tasks.gpu_milli, 0)[arrivals]
    percent = 100 / capacity
    return Rebalanced(
        experiment.trace,
        decided.name,
        seed,
        int(done.sum()),
        int((~done).sum()),
        allowed,
        len(plan),
        idle * percent,
        (idle - found) * percent,
        idle_floor(single[done], single[~done]) * percent,
        seconds,
    )
