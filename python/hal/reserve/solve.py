"""From requests to a plan: list schedules, CP-SAT on the compact model, and a check of whatever comes out."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np

from hal._extras import require
from hal._show import show
from hal.cluster import Cluster
from hal.data._units import Size, parse_bytes
from hal.errors import InvalidModel
from hal.reserve._conflicts import Conflict, alone, together
from hal.reserve._lists import Draft, Drafts, orders
from hal.reserve._model import Model
from hal.reserve._problem import NEVER, Entry, Problem, Site
from hal.reserve._value import Value
from hal.reserve.objective import Objective, checked
from hal.reserve.plan import Booking, Plan, PlanStatus
from hal.reserve.request import Maintenance, Request, occurrences, whole
from hal.topology import Topology

__all__ = ["solve"]

_FOREVER: Final = 2**42
#: Units of CP-SAT's deterministic clock that pass in a second of one core, taken low, so that it stops first.
_TICKS_A_SECOND: Final = 0.5
#: Most decisions of the exact model: requests times the bins they may use.
_EXACT_LIMIT: Final = 20_000


def solve(
    requests: Iterable[Request | Maintenance],
    cluster: Cluster,
    *,
    objective: Objective = "tardiness",
    caches: Mapping[str, Size] | None = None,
    topology: Topology | None = None,
    promises: Iterable[Booking] = (),
    now: int | None = None,
    time_limit: float = 10.0,
    seed: int = 0,
) -> Plan:
    """Decide when and where requests run.

    Parameters
    ----------
    requests : iterable of Request or Maintenance
        Names are unique, also among the promises. Recurring ones stand for their occurrences.
    cluster : Cluster
        Its nodes; what runs on them now is not looked at: give it as promises. Cordoned nodes are left out.
    objective : {"tardiness", "makespan"} or EnergyPrice
        What to make least.
    caches : mapping of str to int or str, optional
        Size of each cache that requests name: bytes, or text such as ``"10TB"``.
    topology : Topology, optional
        For requests with a ``level``.
    promises : iterable of Booking
        Bookings of an earlier plan that keep their time and nodes. Leave one out, and give its request instead, to
        let it move.
    now : int, optional
        Nothing that is not promised starts before; default: the earliest time that a request names, else 0.
    time_limit : float
        Seconds, from 0.01 on. The best plan so far is returned then. One core is used.
    seed : int
        Of CP-SAT, 0 … 2**31-1.

    Returns
    -------
    Plan
        Checked by the core. With the same inputs it is the same plan, unless `Plan.deterministic` is False.

    Raises
    ------
    InvalidModel
        A name comes twice or is unknown, or promises break the capacity; the message names it.
    MissingExtra
        OR-tools is not installed (extra ``reserve``).

    Notes
    -----
    The list scheduler of the core plans by several orders; its best plan bounds the starts and is CP-SAT's hint.
    CP-SAT solves a relaxation with pools of nodes, each of whose solutions the list scheduler turns into a plan
    on nodes. When the relaxation's optimum has no such plan and the problem is small, nodes are added to the model.
    """
    begun = time.perf_counter()
    if not 0.01 <= time_limit <= 86_400:
        raise InvalidModel(f"time_limit = {show(time_limit)}: give 0.01 to 86,400 seconds")
    if not 0 <= seed < 2**31:
        raise InvalidModel(f"seed = {show(seed)}: give 0 to 2**31 - 1")
    sizes = {name: parse_bytes(f"caches[{name!r}]", size) // 2**20 for name, size in (caches or {}).items()}
    begin, entries = _entries(list(promises), [one for entry in requests for one in occurrences(entry)], now)
    problem = Problem(Site(cluster, sizes, topology), entries)
    search = _Search(problem, Value(problem, checked(objective), begin), seed, begun, time_limit)
    return search.run()


def _entries(
    promises: list[Booking], asked: list[Request | Maintenance], now: int | None
) -> tuple[int, list[Entry]]:
    named = [
        whole(t)
        for r in asked
        for t in (r.start, *(r.window or ()), r.deadline, getattr(r, "due", None))
        if t is not None
    ]
    begin = now if now is not None else min([*named, *(b.start for b in promises)], default=0)
    out = [Entry(b.request, b.start, b.end, b) for b in promises]
    for request in asked:
        opens, closes = request.window or (None, None)
        release = begin if opens is None else max(begin, whole(opens))
        deadline = min(
            _FOREVER if request.deadline is None else whole(request.deadline),
            _FOREVER if closes is None else whole(closes),
        )
        if request.start is not None:
            release = whole(request.start)
            deadline = min(deadline, release + whole(request.duration))
            if now is not None and release < now:
                deadline = release  # too late to begin then: a window that nothing fits
        out.append(Entry(request, release, deadline))
    names: set[str] = set()
    for entry in out:
        if entry.name in names:
            raise InvalidModel(f"requests: {show(entry.name)} is there twice; give each a name of its own")
        names.add(entry.name)
    return begin, out


class _Search:
    """One run: keeps the best draft and the best bound."""

    def __init__(self, problem: Problem, value: Value, seed: int, begun: float, limit: float) -> None:
        self.problem, self.value = problem, value
        self.seed, self.begun, self.limit = seed, begun, limit
        self.drafts = Drafts(problem, value)
        self.bound: int | None = None
        self.stopped_by_clock = False

    def run(self) -> Plan:
        """Return the plan."""
        cp_model = require("ortools.sat.python.cp_model", extra="reserve")
        problem, drafts = self.problem, self.drafts
        self._check_promises()
        if conflict := alone(problem):
            return self._infeasible(conflict)
        earliest = problem.release
        if not self.value.regular:
            cheap = drafts.cheap_starts(self.value.last_ends(None))
            drafts.offer_all(orders(problem, self.value), cheap)
        drafts.offer_all(orders(problem, self.value), earliest)
        by_lists = drafts.best_value
        for bins in (False, True):
            if bins and (self._decisions() > _EXACT_LIMIT or self._proven()):
                break
            last = self.value.last_ends(drafts.best_value)
            model = Model(problem, self.value, last, bins=bins)
            status = cp_model.INFEASIBLE if model.impossible else self._solve(model, cp_model, bins)
            if status == cp_model.INFEASIBLE:
                if drafts.best_value is None:
                    left = max(1.0, self._remaining())  # a conflict unreduced says nothing
                    return self._infeasible(together(problem, model.impossible, exact=bins, seconds=left))
                self.bound = drafts.best_value  # nothing within the bounds of the best plan is better
            if status == cp_model.MODEL_INVALID:
                raise InvalidModel(
                    "requests: times, weights or prices are so large that sums overflow; use smaller ones"
                )
            if self._proven():
                break
        return self._plan(by_lists)

    def _solve(self, model: Model, cp_model: Any, bins: bool) -> int:
        solver = cp_model.CpSolver()
        wall = self._remaining()
        solver.parameters.max_time_in_seconds = wall
        solver.parameters.max_deterministic_time = _TICKS_A_SECOND * (
            self.limit if not bins else max(0.02, self.limit / 2)
        )
        solver.parameters.random_seed = self.seed
        solver.parameters.num_workers = 1
        solver.parameters.interleave_search = True
        if self.drafts.best is not None and not self.drafts.best.missing:
            model.hint(*self.drafts.best)
        search = self

        class Watch(cp_model.CpSolverSolutionCallback):  # type: ignore[misc]  # imported lazily, hence Any
            """Turns every solution into a plan on nodes at once, so that none is lost when time is up."""

            def on_solution_callback(self) -> None:
                starts = np.array([self.value(variable) for variable in model.starts], dtype=np.int64)
                search.repair(starts)

        status: int = solver.solve(model.cp, Watch())
        if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            if bins:
                self._keep_exact(model, solver)
            bound = int(np.ceil(solver.best_objective_bound - 1e-6))
            self.bound = bound if self.bound is None else max(self.bound, bound)
        if status in (cp_model.FEASIBLE, cp_model.UNKNOWN):
            self.stopped_by_clock |= solver.wall_time >= 0.98 * wall
        return status

    def repair(self, starts: np.ndarray[Any, np.dtype[np.int64]]) -> None:
        """Give the starts of a relaxed solution bins, moving what does not fit."""
        order = np.lexsort((np.arange(len(starts)), starts))
        exact = self.drafts.offer(order, np.maximum(starts, self.problem.release))
        if self.value.regular and (exact.missing or self.value(exact.start) != self.value(starts)):
            self.drafts.offer(order, self.problem.release)

    def _keep_exact(self, model: Model, solver: Any) -> None:
        starts = np.array([solver.value(variable) for variable in model.starts], dtype=np.int64)
        bins: list[list[int]] = [[] for _ in starts]
        for (row, bin), count in model.bin_of.items():
            bins[row] += [bin] * solver.value(count)
        first = np.concatenate([[0], np.cumsum([len(own) for own in bins])]).astype(np.int64)
        flat = np.array([bin for own in bins for bin in sorted(own)], dtype=np.int32)
        self.drafts.keep(Draft(starts, first, flat))

    def _decisions(self) -> int:
        sizes = [sum(len(group) for group in groups) for groups in self.problem.choices] or [0]
        return sum(
            sizes[choice]
            for choice, tasks in zip(self.problem.choice.tolist(), self.problem.tasks.tolist(), strict=True)
            if tasks
        )

    def _check_promises(self) -> None:
        promised = [i for i, entry in enumerate(self.problem.entries) if entry.promise is not None]
        part = self.problem.part(promised)
        none = np.zeros(len(part) + 1, dtype=np.int64)
        breaches = part.core.check(part.release, none, np.zeros(0, dtype=np.int32))
        if len(breaches[0]):
            name = part.entries[int(breaches[1][0])].name
            raise InvalidModel(
                f"promises: {show(name)} holds more than is there; leave it out or release another"
            )

    def _remaining(self) -> float:
        return max(0.01, self.limit - (time.perf_counter() - self.begun))

    def _proven(self) -> bool:
        best = self.drafts.best_value
        return best is not None and self.bound is not None and self.bound >= best

    def _plan(self, by_lists: int | None) -> Plan:
        best, problem = self.drafts.best, self.problem
        assert best is not None  # the list scheduler always leaves one, if only of promises
        missing = [e.name for e, s in zip(problem.entries, best.start.tolist(), strict=True) if s == NEVER]
        worth = self.drafts.best_value
        status = PlanStatus.UNKNOWN if missing else PlanStatus.FEASIBLE
        if self._proven():
            status = PlanStatus.OPTIMAL
        bound = 0 if self.bound is None else self.bound
        return Plan(
            status,
            problem.bookings(*best),
            tuple(missing),
            objective=0.0 if worth is None else self.value.shown(worth),
            bound=self.value.shown(bound if worth is None else min(bound, worth)),
            list_objective=None if by_lists is None else self.value.shown(by_lists),
            deterministic=not self.stopped_by_clock,
            seconds=time.perf_counter() - self.begun,
        )

    def _infeasible(self, conflict: Conflict) -> Plan:
        rows, words = conflict
        kept = [e.promise for e in self.problem.entries if e.promise is not None]
        return Plan(
            PlanStatus.INFEASIBLE,
            tuple(kept),
            tuple(e.name for e in self.problem.entries if e.promise is None),
            conflict=tuple(self.problem.entries[row].name for row in rows),
            reasons=tuple(words),
            seconds=time.perf_counter() - self.begun,
        )
