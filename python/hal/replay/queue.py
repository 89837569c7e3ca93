"""A batch queue for live schedulers: dependencies, arrays, time limits, requeueing and cancelling."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from hal.cluster import Cluster
from hal.errors import InvalidModel
from hal.policy import Policy
from hal.queues import QueueTree
from hal.replay.queue_core import Follows, QueueCore
from hal.replay.queue_job import Actions, QueueJob
from hal.replay.windows import NodeWindow

__all__ = ["Queue"]


@dataclass(slots=True)
class _Task:
    job: QueueJob
    number: int = -1  # in the core's queue; -1 while held back
    start: int | None = None
    ended: bool = False
    ok: bool = False
    requested: int = 0


class Queue:
    """A batch queue in front of a count of processors, or of a cluster's nodes.

    The options are those of `hal.replay.replay_queue` and `hal.replay.replay_on_cluster`.

    Methods take seconds, which never go back, and return `Actions`. Bad input raises before anything changes.

    Parameters
    ----------
    processors : int or Cluster
        Size of the machine, or the nodes on which the queue books and releases tasks; what else runs there stays.
    order, backfill, correct, ageing, max_age, half_life, depth, window, resolution
        As in `hal.replay.replay_queue`; functions as orders are for replays only.
    predict : {"requested", "last_two", "given"} or a predictor of `hal.predict`
        Runtimes to plan by. A predictor is asked when a task enters the queue and told of starts and ends; it says
        for how long a task holds its processors, may fill a gap (EASY only), and ranks.
    reservations : iterable of (int, int, int) or of (int, int, sequence of str or Job)
        Begin, end and what jobs may not use, processors, or on a cluster nodes or the needs of a job; needs
        ``"conservative"`` or ``"slots"``.
    policy : Policy or str
        Where tasks go on a cluster; see `hal.place`.
    queues : QueueTree, optional
        On a cluster, no task takes its queue over a maximum.
    grace : int
        Seconds beyond its request after which a task is to be killed.

    Notes
    -----
    The same compiled engine as in replays. A call costs microseconds, and a look at each task held back by
    dependencies or array limits.
    """

    def __init__(
        self,
        processors: int | Cluster,
        *,
        order: str = "fcfs",
        backfill: str = "easy",
        predict: str | Follows = "requested",
        correct: str = "increments",
        ageing: float = 0.0,
        max_age: float = math.inf,
        half_life: float = 7 * 86_400,
        depth: int = 100,
        window: int = 86_400,
        resolution: int = 60,
        reservations: Iterable[tuple[int, int, int]] | Iterable[NodeWindow] = (),
        policy: Policy | str = "best_fit",
        queues: QueueTree | None = None,
        grace: int = 0,
    ) -> None:
        self._engine = QueueCore(
            processors,
            policy=policy,
            queues=queues,
            order=(order, ageing, max_age, half_life),
            backfill=(backfill, depth, window, resolution),
            predict=predict,
            correct=correct,
            reservations=reservations,
        )
        self._core = self._engine.core
        self._grace = grace
        self._jobs: dict[str, QueueJob] = {}
        self._tasks: dict[str, _Task] = {}
        self._by_number: dict[int, str] = {}
        self._held: dict[str, None] = {}  # in order of submission
        self._running: dict[str, int] = {}  # task → moment of its time limit
        self._users: dict[str, int] = {}

    @property
    def free(self) -> int:
        """Processors that no running task is planned to hold; on a cluster its free CPUs."""
        return self._core.free

    @property
    def waiting(self) -> tuple[str, ...]:
        """Tasks in the queue or held back, in order of submission."""
        return tuple(n for n, task in self._tasks.items() if task.start is None and not task.ended)

    @property
    def running(self) -> tuple[str, ...]:
        """Tasks that were started and have not ended."""
        return tuple(self._running)

    @property
    def next_wake(self) -> int | None:
        """When `tick` is due if nothing happens before: a start or a time limit; None: nothing is planned."""
        due = [limit for limit in self._running.values() if limit > self._core.now]
        if self._core.next_wake is not None:
            due.append(self._core.next_wake)
        return min(due, default=None)

    def promise(self, task: str) -> int | None:
        """First promised start of a task, None where the backfill rule makes none or the task is held back."""
        number = self._task(task).number
        promised = self._core.promise(number) if number >= 0 else -1
        return None if promised < 0 else promised

    def places(self, task: str) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """Node and GPU indices of each part of a task, as it was started last; empty without a cluster."""
        number = self._task(task).number
        return () if number < 0 else self._engine.places(number)

    def submit(self, now: int, *jobs: QueueJob) -> Actions:
        """Queue jobs, which may wait for each other and for jobs submitted before.

        Raises
        ------
        InvalidModel
            A name is taken or unknown, a job does not fit on the machine, or jobs wait for each other in a circle.
        """
        new = {job.name: job for job in jobs}
        self._check(now, jobs, new)
        for job in jobs:
            self._jobs[job.name] = job
            for name in job.task_names:
                self._tasks[name] = _Task(job, requested=job.requested)
                self._held[name] = None
        return self._act(now, None)

    def finish(self, now: int, task: str, *, ok: bool = True) -> Actions:
        """Report that a running task has ended, well or not."""
        entry = self._running_task(task)
        return self._act(now, lambda: self._end(now, task, entry, ok))

    def requeue(self, now: int, task: str) -> Actions:
        """Put a running task that was stopped back into the queue, asking for what it has not checkpointed."""
        entry = self._running_task(task)

        def again() -> None:
            self._engine.stop(now, entry.number, task)
            ran, every = now - (entry.start or 0), entry.job.checkpoint
            saved = 0 if every is None else ran // every * every
            entry.requested = max(1, entry.requested - saved)
            entry.start, entry.number = None, -1
            del self._running[task]
            self._held[task] = None

        return self._act(now, again)

    def lose_node(self, now: int, node: str) -> Actions:
        """Take a failed node out of the cluster, and requeue the tasks that had a part there.

        What is left of them on other nodes has to be stopped: see `Actions.requeued`.
        """
        lost = [name for name in self._running if any(node == there for there, _ in self.places(name))]
        if now < self._core.now:
            raise InvalidModel(f"time {now} is before the last event at {self._core.now}")
        self._engine.lose_node(node)
        actions = self.tick(now) if not lost else Actions(requeued=lost)
        for name in lost:
            more = self.requeue(now, name)
            actions.start += more.start
            actions.dropped.update(more.dropped)
            actions.kill = more.kill
        return actions

    def cancel(self, now: int, task: str) -> Actions:
        """Take a waiting task out of the queue; what waits for its good end is dropped."""
        entry = self._task(task)
        if entry.start is not None or entry.ended:
            raise InvalidModel(f"task {task!r} is not waiting; finish or requeue it instead")

        def out() -> None:
            if entry.number >= 0:
                self._engine.cancel(now, entry.number, task)
            self._held.pop(task, None)
            entry.ended = True

        return self._act(now, out)

    def tick(self, now: int) -> Actions:
        """Let time pass: correct predictions, start what is due, and name what is past its time limit."""
        return self._act(now, lambda: self._core.tick(now))

    def _act(self, now: int, change: Callable[[], None] | None) -> Actions:
        if now < self._core.now:
            raise InvalidModel(f"time {now} is before the last event at {self._core.now}")
        actions = Actions()
        if change is not None:
            change()
            self._take_started(now, actions)
        while self._release(now, actions):
            pass
        actions.kill = [name for name, limit in self._running.items() if limit <= now]
        return actions

    def _end(self, now: int, name: str, entry: _Task, ok: bool) -> None:
        entry.ended, entry.ok = True, ok
        del self._running[name]
        self._engine.finish(now, entry.number, name)

    def _take_started(self, now: int, actions: Actions) -> None:
        for number in self._core.started:
            name = self._by_number[number]
            entry = self._tasks[name]
            entry.start = now
            self._running[name] = now + entry.requested + self._grace
            self._engine.started(now, name)
            actions.start.append(name)

    def _release(self, now: int, actions: Actions) -> bool:
        """Queue or drop the held tasks whose time has come; False if there was none."""
        before = len(self._held)
        for name in list(self._held):
            entry = self._tasks[name]
            why = self._never(entry.job)
            if why is not None:
                del self._held[name]
                entry.ended = True
                actions.dropped[name] = why
            elif self._may_enter(entry.job):
                del self._held[name]
                user = self._users.setdefault(entry.job.user, len(self._users))
                # The core may start the task at once, so its number has to be known before: ids are ranks.
                entry.number = len(self._by_number)
                self._by_number[entry.number] = name
                self._engine.submit(now, name, entry.job, entry.requested, user)
                self._take_started(now, actions)
        return len(self._held) < before

    def _never(self, job: QueueJob) -> str | None:
        for other, kind in job.after.items():
            for name in self._jobs[other].task_names:
                entry = self._tasks[name]
                failed = entry.ended and not entry.ok
                if failed and (kind == "ok" or (kind == "start" and entry.start is None)):
                    return f"{name} {'failed' if entry.start is not None else 'never ran'}"
        return None

    def _may_enter(self, job: QueueJob) -> bool:
        for other, kind in job.after.items():
            tasks = [self._tasks[name] for name in self._jobs[other].task_names]
            if not all(t.start is not None or t.ended if kind == "start" else t.ended for t in tasks):
                return False
        if job.at_most is None:
            return True
        inside = sum(self._tasks[n].number >= 0 and not self._tasks[n].ended for n in job.task_names)
        return inside < job.at_most

    def _check(self, now: int, jobs: tuple[QueueJob, ...], new: dict[str, QueueJob]) -> None:
        if now < self._core.now:
            raise InvalidModel(f"time {now} is before the last event at {self._core.now}")
        taken: set[str] = set()
        for job in jobs:
            for name in {job.name, *job.task_names}:
                if name in taken or name in self._tasks or name in self._jobs:
                    raise InvalidModel(f"job {name!r}: the name is taken; give another")
                taken.add(name)
        for job in jobs:
            self._engine.check(job)
            for other in job.after:
                if other not in new and other not in self._jobs:
                    raise InvalidModel(f"job {job.name!r}: after names {other!r}, which was never submitted")
        try:
            TopologicalSorter({job.name: [o for o in job.after if o in new] for job in jobs}).prepare()
        except CycleError as error:
            raise InvalidModel(f"jobs wait for each other in a circle: {' → '.join(error.args[1])}") from None

    def _task(self, name: str) -> _Task:
        if name not in self._tasks:
            raise InvalidModel(f"task {name!r} was never submitted")
        return self._tasks[name]

    def _running_task(self, name: str) -> _Task:
        entry = self._task(name)
        if name not in self._running:
            raise InvalidModel(f"task {name!r} is not running")
        return entry
