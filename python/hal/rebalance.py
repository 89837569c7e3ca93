"""``hal.rebalance``: which running tasks to move so that more fits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hal import _core
from hal._doors import listed
from hal._show import counted, show
from hal.cluster import Cluster, core_of
from hal.errors import InvalidModel
from hal.job_columns import JobColumns
from hal.model import Job
from hal.place import resolve
from hal.placements import _devices
from hal.preempt import _key
from hal.queues import order

if TYPE_CHECKING:
    from hal.policy import Policy
    from hal.queues import QueueTree

__all__ = ["Move", "Rebalance", "rebalance"]


@dataclass(frozen=True, slots=True)
class Move:
    """One task to another place: it stops, then starts there.

    Moves of one step are made together: two tasks that change places both stop, then both start.

    Attributes
    ----------
    job : str
        Its name; ``#<id>`` for a job that came as a column.
    task : int
        Its rank in the job.
    source, target : str
        Nodes; the same when it only changes devices.
    source_gpus, target_gpus : tuple of int
        Devices on them.
    step : int
        Number of its step in the plan, from 0.
    """

    job: str
    task: int
    source: str
    source_gpus: tuple[int, ...]
    target: str
    target_gpus: tuple[int, ...]
    step: int


class Rebalance:
    """A plan of moves, each step possible once those before it are made; ``cluster.apply(plan)`` makes them.

    Attributes
    ----------
    moves : tuple of Move
        In the order in which to make them.
    gain : float
        With ``want``: GPUs of the wanted tasks that find room thanks to the moves. Without: GPUs that are no longer
        fragmented for the typical tasks. Never negative.
    wanted : int
        Wanted tasks that find room thanks to the moves.
    before, after : float
        GPUs of the wanted tasks with room, or fragmented GPUs.
    """

    def __init__(self, cluster: Cluster, plan: Any) -> None:
        self._handle = cluster._core
        self._plan = plan
        self.gain: float = plan.gain / 1000
        self.before: float = plan.before / 1000
        self.after: float = plan.after / 1000
        self.wanted: int = plan.wanted
        name = self._handle.name_of
        self.moves = tuple(
            Move(called or f"#{number}", task, name(old), _devices(held), name(new), _devices(taken), step)
            for number, called, task, old, held, new, taken, step in plan.moves
        )

    def __len__(self) -> int:
        return len(self.moves)

    def __str__(self) -> str:
        lines = [f"{self._headline()}, room for {counted(self.wanted, 'wanted task')}"]
        for _, group in groupby(self.moves, key=lambda move: move.step):
            lines.append("  move " + ", and at once ".join(_where(move) for move in group))
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"Rebalance({self._headline()})"

    def _headline(self) -> str:
        gain = f"{self.gain:.3g}"
        moves = len(self.moves)
        return f"{counted(moves, 'move')} {'gains' if moves == 1 else 'gain'} {gain} GPU{'' if gain == '1' else 's'}"

    def _apply(self, cluster: Cluster) -> NDArray[np.int64]:
        if cluster._core is not self._handle:
            raise InvalidModel("plan: was made on another cluster; plan on the one that is to change")
        _core.apply_rebalance(self._handle, self._plan)
        return np.empty(0, dtype=np.int64)


def _where(move: Move) -> str:
    def at(node: str, devices: tuple[int, ...]) -> str:
        return f"{node} (GPU {', '.join(map(str, devices))})" if devices else node

    return f"{move.job} from {at(move.source, move.source_gpus)} to {at(move.target, move.target_gpus)}"


def rebalance(
    cluster: Cluster,
    *,
    max_moves: int,
    want: Job | Iterable[Job] | JobColumns | None = None,
    policy: Policy | str = "fgd",
    pinned: Iterable[str | int] = (),
    moves_a_step: int = 4,
    queues: QueueTree | None = None,
) -> Rebalance:
    """Plan moves of running tasks that free the most for what is wanted. Pure: ``cluster.apply(plan)`` makes them.

    Greedy: again and again the moves with the most gain a move: one move, the fewest away from one node that make room
    there for a wanted task, or two tasks that change places where a smaller one leaves that room. Where a moved task
    goes is the policy's choice within the rules of all jobs; a job that a rule binds only moves alone.

    Parameters
    ----------
    cluster : Cluster
        Left as it was.
    max_moves : int
        0 or more.
    want : Job, iterable of Job, or JobColumns, optional
        What waits for room; the tasks of a gang count one by one, rules keep them off nodes as things are. Absent:
        whatever resembles the typical tasks, those that the cluster has been asked for so far.
    policy : Policy or str
        Chooses the new places.
    pinned : iterable of str or int
        Running jobs (name or id) that must stay. Gangs always stay: they were placed as a whole.
    moves_a_step : int
        Most tasks moved away from one node for one wanted task, 1 … 64; from 2 on tasks may also change places.
    queues : QueueTree, optional
        No move takes a queue over a maximum: a share of a GPU asked for by memory grows on a smaller device. Wanted
        jobs that name a queue get no room made as long as a quota keeps them waiting anyway (`hal.queues.order`).

    Returns
    -------
    Rebalance
        With no moves when none is worth it.

    Raises
    ------
    InvalidModel
        A number is out of range or a pinned job does not run. Nothing was changed.
    PolicyError
        As `hal.place`.

    Notes
    -----
    Every step fits when its turn comes, after its own tasks have stopped, also when the wanted tasks are not placed.
    O(running tasks × wanted shapes) at first, then what the moves touch.

    Examples
    --------
    >>> import hal
    >>> cluster = hal.Cluster([hal.Node(f"n{i}", cpus=8, gpus=hal.gpus(1, "T4")) for i in (1, 2)])
    >>> jobs = [hal.Job(name, cpus=1, gpus=0.4) for name in ("a", "b")]
    >>> _ = cluster.apply(hal.place(cluster, jobs, "spread"))
    >>> plan = hal.rebalance(cluster, max_moves=1, want=hal.Job("whole", cpus=1, gpus=1))
    >>> print(plan)
    1 move gains 1 GPU, room for 1 wanted task
      move a from n1 (GPU 0) to n2 (GPU 0)
    >>> _ = cluster.apply(plan)
    >>> hal.place(cluster, hal.Job("whole", cpus=1, gpus=1))[0].nodes
    ('n1',)
    """
    for field, value in (("max_moves", max_moves), ("moves_a_step", moves_a_step)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
            raise InvalidModel(f"{field} = {show(value)}: must be a whole number")
    core = core_of(cluster)
    decided = resolve(policy, None)
    keys = [_key("pinned", key) for key in ([pinned] if isinstance(pinned, str) else pinned)]
    if queues is not None and want is not None and not isinstance(want, JobColumns):
        jobs = [want] if isinstance(want, Job) else list(want)
        kept = _kept_by_quotas(jobs, cluster, queues)
        want = [job for index, job in enumerate(jobs) if index not in kept]
        if kept and not want:  # nobody could use the room, and to the core no wish is any wish
            want, max_moves = jobs, 0
    plan = _core.rebalance(
        core,
        decided._core,
        int(max_moves),
        _wanted(want),
        keys,
        int(moves_a_step),
        None if queues is None else queues._core,
    )
    return Rebalance(cluster, plan)


def _kept_by_quotas(jobs: list[Job], cluster: Cluster, queues: QueueTree) -> set[int]:
    """Return the indices of wanted jobs that could not start even if there were room."""
    charged = [index for index, job in enumerate(jobs) if isinstance(job, Job) and job.queue]
    waiting = order(queues, [jobs[index] for index in charged], cluster=cluster).waiting
    return {charged[row] for row in waiting.tolist()}


def _wanted(want: Job | Iterable[Job] | JobColumns | None) -> list[tuple[Any, int, Any]]:
    if want is None:
        return []
    if isinstance(want, JobColumns):
        tasks = np.ones(len(want), dtype=np.int64) if want.tasks is None else want.tasks.astype(np.int64)
        counts = np.bincount(want.shape, weights=tasks, minlength=len(want.shapes)).astype(np.int64)
        return [
            (shape, count, None) for shape, count in zip(want.shapes, counts.tolist(), strict=True) if count
        ]
    counted: Counter[Any] = Counter()
    for job in listed(want, Job, "want"):
        counted[job._handle.shape, job._traits()] += job.tasks
    return [(shape, count, traits) for (shape, traits), count in counted.items()]
