"""Deciding for an orchestrator, again and again: follow, place, carry out, say why the rest waits."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from hal.adapters.contract import Adapter, Applied, Outcome, Preempts, Ranks, Running, Stale
from hal.adapters.mirror import Mirror
from hal.adapters.preempting import Planner
from hal.adapters.reasons import Reasons, left_alone, why
from hal.adapters.retries import Backoff, Retries

import hal

__all__ = ["Backoff", "Loop", "Round", "why"]

log = logging.getLogger("hal.run")

#: A cluster and a job to try decisions on.
_NOTHING, _ANY = hal.Cluster(), hal.Job("any", cpus=1)


@dataclass(frozen=True)
class Round:
    """What one pass did.

    Attributes
    ----------
    placements : tuple of Placement
        One for each job looked at, in the order of decision.
    applied : tuple of Applied
        Answers for those that had a place; empty when only advising.
    stopping : tuple of Applied
        Answers for those that others are stopped for.
    reasons : mapping of str to str
        Job that waits → why, for the first `Loop.explained` of them.
    waiting : int
        Jobs that wait after it.
    decide_s, apply_s : float
        Seconds taken.
    """

    placements: tuple[hal.Placement, ...]
    applied: tuple[Applied, ...]
    reasons: Mapping[str, str]
    waiting: int
    decide_s: float
    apply_s: float
    stopping: tuple[Applied, ...] = ()

    def outcomes(self) -> Counter[str]:
        """How many placements had each outcome."""
        return Counter(answer.outcome.value for answer in self.applied)


class Loop:
    """Decide for one orchestrator.

    Parameters
    ----------
    adapter : Adapter
    policy : Policy or str
    order : str, optional
        As in `hal.place`; None: the queue's own.
    queues : QueueTree, optional
        Quotas that no placement exceeds.
    apply : bool
        False: only advise.
    batch : int
        Jobs decided in one pass, from the front of the queue.
    explained : int
        Jobs that wait and are told why, in one pass: an explanation looks at every node.
    wait : float
        Seconds before what failed is tried again; twice as long each time, up to a minute.
    seed : int
        Of the random part of the waits.
    clock : callable
        Seconds that never go back.

    Raises
    ------
    HalError
        There is no such policy or order.

    Attributes
    ----------
    fault : str
        What the orchestrator failed with last; empty when the last pass was well.
    turned : float
        When the last turn of `run` began, by its clock.
    counts : Counter
        ``"snapshots"`` read, ``"changes"`` followed, ``"faults"`` of the orchestrator, ``"retries"`` put off.

    Notes
    -----
    Optimistic: what the orchestrator did not do (`Outcome.CONFLICT`, `GONE`, `REFUSED`) is not booked, and the job is
    tried again after a wait that doubles. Where the outcome is not known, everything is read again before the job is
    looked at. Of an adapter that is set to rank (`Ranks`), only the order of decision is carried out.
    """

    def __init__(
        self,
        adapter: Adapter,
        *,
        policy: hal.Policy | str = "best_fit",
        order: str | None = None,
        queues: hal.QueueTree | None = None,
        apply: bool = True,
        batch: int = 10_000,
        explained: int = 20,
        wait: float = 0.5,
        seed: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.adapter, self.policy, self.order, self.queues = adapter, policy, order, queues
        self.applies, self.batch, self.explained, self.clock = apply, batch, explained, clock
        hal.place(
            _NOTHING, [_ANY], policy, order=order
        )  # what cannot decide is said now, not again and again
        self._random, self._wait = random.Random(seed), wait
        self._mirror: Mirror | None = None
        self._version = ""
        self._retries = Retries(wait, self._random, clock)
        self._said = Reasons()
        self.fault, self.turned = "", clock()
        preempts = isinstance(adapter, Preempts) and adapter.preempts
        self._planner = Planner(adapter, clock) if preempts and isinstance(adapter, Preempts) else None
        self.counts: Counter[str] = Counter(snapshots=0, changes=0, faults=0, retries=0)

    @property
    def put_off(self) -> int:
        """Jobs that are not tried again before a while."""
        return self._retries.put_off

    @property
    def mirror(self) -> Mirror:
        """What the orchestrator has; read when first asked for."""
        if self._mirror is None:
            try:
                snapshot = self.adapter.snapshot()
                self._mirror, self._version = Mirror(snapshot), snapshot.version
            except hal.InvalidModel as error:
                raise hal.AdapterError(f"{self.adapter.name}: says what cannot be ({error})") from error
            self.counts["snapshots"] += 1
        return self._mirror

    def node_names(self) -> list[str]:
        """Return the nodes as last read, none before that; any thread may ask."""
        mirror = self._mirror
        return [] if mirror is None else mirror.cluster.node_names()

    def follow(self, timeout: float) -> int:
        """Take in what changed within ``timeout`` seconds; a new snapshot where the changes are not kept any more."""
        mirror = self.mirror
        try:
            count = mirror.follow(self.adapter.watch(self._version, timeout=timeout))
        except Stale as error:
            log.warning("reading everything again", extra={"error": str(error)})
            self._mirror = None
            return len(self.mirror.waiting)
        except hal.InvalidModel as error:
            raise hal.AdapterError(f"{self.adapter.name}: says what cannot be ({error})") from error
        self._version = self.adapter.version
        self.counts["changes"] += count
        return count

    def step(self) -> Round:
        """Decide once for what waits now, and carry it out unless only advising."""
        mirror, now = self.mirror, self.clock()
        self._retries.forget(mirror.waiting, now)
        jobs = [job for job in mirror.waiting.values() if self._retries.due(job.name, now)][: self.batch]
        begin = time.perf_counter()
        refused: dict[str, str] = {}
        try:
            placements = self._place(jobs)
        except hal.InvalidModel:
            # One job that makes no sense must not keep the others waiting.
            refused = self._refused(jobs)
            jobs = [job for job in jobs if job.name not in refused]
            try:
                placements = self._place(jobs)
            except hal.InvalidModel as error:
                raise hal.AdapterError(
                    f"{self.adapter.name}: jobs contradict each other ({error})"
                ) from error
        decided = tuple(placements[row] for row in placements.row.tolist())
        reasons = {**self._reasons(placements, decided), **refused}
        middle = time.perf_counter()
        answers: list[Applied] = []
        stopping: list[Applied] = []
        if self.applies:
            if isinstance(self.adapter, Ranks) and self.adapter.ranks:
                self.adapter.rank([placement.job for placement in decided])
            else:
                answers = self.adapter.apply([placement for placement in decided if placement.placed])
                self._learn({job.name: job for job in jobs}, decided, answers)
            left = {job: left_alone(item) for job, item in mirror.held.items()}
            news = self._said.news({**left, **reasons})
            if news:
                self.adapter.explain(news)
            if self._planner is not None and self._mirror is not None:
                late = {p.job for p in decided if p.status is hal.Status.UNSCHEDULABLE}
                stopping = self._planner.step(
                    mirror, (job for job in jobs if job.name in late), self.policy, self.queues, self._hear
                )
        took = middle - begin, time.perf_counter() - middle
        return Round(decided, tuple(answers), reasons, len(mirror.waiting), *took, tuple(stopping))

    def run(
        self,
        stop: threading.Event,
        *,
        interval: float = 1.0,
        report: Callable[[Round], None] | None = None,
    ) -> None:
        """Step until told to stop; faults of the orchestrator are waited out.

        Parameters
        ----------
        stop : Event
            Looked at between steps and waits: a step that has begun is ended, so that nothing is left half done.
        interval : float
            Seconds to follow changes for between two steps.
        report : callable, optional
            Called with each round.
        """
        fault = Backoff(self._wait, random=self._random)
        while not stop.is_set():
            self.turned = self.clock()
            try:
                self.follow(interval)
                if stop.is_set():
                    break
                done = self.step()
                fault.tries, self.fault = 0, ""
            except hal.AdapterError as error:
                self._mirror = None  # what happened meanwhile is not known
                wait, self.fault = fault.next(), str(error)
                self.counts["faults"] += 1
                log.error(
                    "the orchestrator failed", extra={"error": str(error), "retry_in_s": round(wait, 3)}
                )
                stop.wait(wait)
                continue
            if report is not None:
                report(done)

    def _hear(self) -> Mirror:
        self.follow(0.0)
        return self.mirror

    # ---- inside --------------------------------------------------------------------------------------

    def _place(self, jobs: Sequence[hal.Job]) -> hal.Placements:
        return hal.place(self.mirror.cluster, jobs, self.policy, order=self.order, queues=self.queues)

    def _refused(self, jobs: Sequence[hal.Job]) -> dict[str, str]:
        """Find the jobs that cannot be decided on, and put them off: job → why."""
        refused: dict[str, str] = {}
        for job in jobs:
            try:
                self._place([job])
            except hal.InvalidModel as error:
                refused[job.name] = f"cannot be decided on: {error}"
                self._retries.later(job.name)
                log.warning("cannot be decided on", extra={"job": job.name, "error": str(error)})
        return refused

    def _learn(
        self, jobs: Mapping[str, hal.Job], decided: Iterable[hal.Placement], answers: Iterable[Applied]
    ) -> None:
        """Book what was carried out, and put off what was not."""
        mirror, unknown = self.mirror, False
        placed = (placement for placement in decided if placement.placed)
        for placement, answer in zip(placed, answers, strict=True):
            if answer.outcome.holds:
                self._retries.done(answer.job)
                mirror.started(Running(jobs[placement.job], placement.nodes, placement.gpus, placement.roles))
                continue
            unknown |= answer.outcome is Outcome.UNKNOWN
            self._retries.later(answer.job)
            self.counts["retries"] += 1
            log.warning(
                "not carried out",
                extra={"job": answer.job, "outcome": answer.outcome.value, "detail": answer.detail},
            )
            if answer.outcome is Outcome.GONE:
                mirror.waiting.pop(answer.job, None)  # comes back as a delta if only its node was gone
        if unknown:
            self._mirror = None

    def _reasons(self, placements: hal.Placements, decided: tuple[hal.Placement, ...]) -> dict[str, str]:
        waiting = [placement.job for placement in decided if not placement.placed][: self.explained]
        return {job: why(placements.explain(job, top=0)) for job in waiting}
