"""One run of the solver: list schedules, a search over orders, bounds, CP-SAT, and whatever is best of it."""

from __future__ import annotations

import time
from typing import Any, Final

import numpy as np

from hal._extras import require
from hal._show import show
from hal.errors import InvalidModel
from hal.reserve._bound import transport_bound
from hal.reserve._conflicts import Conflict, alone, together
from hal.reserve._lists import Draft, Drafts, orders
from hal.reserve._model import Model
from hal.reserve._problem import NEVER, Problem
from hal.reserve._value import Value
from hal.reserve.plan import Plan, PlanStatus

__all__ = ["Search"]

#: Units of CP-SAT's deterministic clock that pass in a second of one core, taken low, so that it stops first.
_TICKS_A_SECOND: Final = 0.5
#: Requests that the search over orders places in a second of one core, taken low; and how the time is cut up.
_PLACEMENTS_A_SECOND: Final = 250_000
_ROUNDS: Final = 8
_FEWEST_PASSES: Final = 20
_PASSES_A_REQUEST: Final = 20
_SHARE_OF_CPSAT: Final = 0.4
#: Most decisions of the exact model: requests times the bins they may use.
_EXACT_LIMIT: Final = 20_000
#: Decisions for which the exact model is written down in a second of one core, taken low, and the share of the time
#: that is left which that may take: a model that is never solved is time lost.
_WRITTEN_A_SECOND: Final = 12_000
_SHARE_OF_WRITING: Final = 0.5


class Search:
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
        self._improve()
        if drafts.best_value is not None:
            end = int((drafts.best.start + problem.duration).max()) if drafts.best and len(problem) else 0
            self.bound = transport_bound(self.value, self.value.last_ends(drafts.best_value), end)
        for bins in (False, True):
            if bins and (self._proven() or not self._worth_exact()):
                break
            last = self.value.last_ends(drafts.best_value)
            model = Model(problem, self.value, last, bins=bins)
            if self.bound:
                model.at_least(self.bound)
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

    def _improve(self) -> None:
        """Search the orders of the list scheduler on pools; every round's best is given bins."""
        problem, best, value = self.problem, self.drafts.best, self.value
        if not value.regular or best is None or best.missing or not len(problem):
            return
        passes = int(_PLACEMENTS_A_SECOND * self.limit / len(problem) / _ROUNDS)
        passes = max(_FEWEST_PASSES, min(passes, _PASSES_A_REQUEST * len(problem)))
        for number in range(_ROUNDS):
            if value(self.drafts.best.start if self.drafts.best else best.start) == 0:
                return
            if self._remaining() < self.limit * _SHARE_OF_CPSAT:
                self.stopped_by_clock = True
                return
            assert self.drafts.best is not None
            starts = problem.core.improve(
                value.last_ends(None),
                problem.due,
                problem.weight,
                value.objective == "makespan",
                np.lexsort((np.arange(len(problem)), self.drafts.best.start)).astype(np.int32),
                passes,
                self.seed * _ROUNDS + number,
            )
            if len(starts):
                self.repair(starts)

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

    def _worth_exact(self) -> bool:
        decisions = self._decisions()
        if decisions > _EXACT_LIMIT:
            return False
        in_time = decisions <= _WRITTEN_A_SECOND * _SHARE_OF_WRITING * self._remaining()
        self.stopped_by_clock |= not in_time
        return in_time

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
