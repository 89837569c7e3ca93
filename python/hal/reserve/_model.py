"""The CP-SAT model: starts, pools, and, when asked, which bins the tasks take."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hal._extras import require
from hal.reserve._problem import Problem
from hal.reserve._value import Value
from hal.reserve.objective import EnergyPrice

__all__ = ["Model"]

Ints = NDArray[np.int64]


class Model:
    """A model of one problem.

    The compact one has pools instead of bins: what it forbids is impossible, but its starts may have no bins. With
    ``bins=True`` it decides the bins too and is exact.
    """

    def __init__(
        self, problem: Problem, value: Value, last: Ints, *, bins: bool = False, objective: bool = True
    ) -> None:
        cp_model = require("ortools.sat.python.cp_model", extra="reserve")
        self.problem, self.value = problem, value
        self.cp: Any = cp_model.CpModel()
        earliest, latest, capacity, first, request, group, amount = problem.core.compact(last)
        self.impossible = [i for i in range(len(problem)) if earliest[i] > latest[i]]
        self.starts: list[Any] = []
        self.group_of: dict[tuple[int, int], Any] = {}
        self.bin_of: dict[tuple[int, int], Any] = {}
        if self.impossible:
            return
        self.starts = [self.cp.new_int_var(int(earliest[i]), int(latest[i]), "") for i in range(len(problem))]
        self.lengths = problem.duration.tolist()
        self.intervals = [
            self.cp.new_fixed_size_interval_var(start, length, "")
            for start, length in zip(self.starts, self.lengths, strict=True)
        ]
        self._optional: dict[tuple[int, int], Any] = {}
        self._bounds = list(zip(earliest.tolist(), latest.tolist(), strict=True))
        for pool in range(len(capacity)):
            uses = range(int(first[pool]), int(first[pool + 1]))
            rows = [(int(request[u]), int(group[u]), int(amount[u])) for u in uses]
            self.cp.add_cumulative(
                [self.intervals[r] if g < 0 else self._in_group(r, g) for r, g, _ in rows],
                [a for _, _, a in rows],
                int(capacity[pool]),
            )
        if bins:
            self._add_bins()
        self._exactly_one_group()
        if objective:
            self._add_objective()

    def hint(self, starts: Ints, first: Ints, bins: NDArray[np.int32]) -> None:
        """Give a complete plan as the place to start from."""
        for variable, start in zip(self.starts, starts.tolist(), strict=True):
            self.cp.add_hint(variable, start)
        for (row, group), variable in self.group_of.items():
            used = set(bins[first[row] : first[row + 1]].tolist())
            self.cp.add_hint(variable, int(used <= set(self._groups(row)[group])))
        for (row, bin), variable in self.bin_of.items():
            self.cp.add_hint(variable, bins[first[row] : first[row + 1]].tolist().count(bin))

    def at_least(self, bound: int) -> None:
        """Say what is known from elsewhere: the objective is not below ``bound``."""
        if not self.impossible:
            self.cp.add(self.goal >= bound)

    def _minimize(self, goal: Any) -> None:
        self.goal = goal
        self.cp.minimize(goal)

    def _groups(self, row: int) -> list[list[int]]:
        return self.problem.choices[int(self.problem.choice[row])]

    def _in_group(self, row: int, group: int) -> Any:
        """Return the interval of a row that is there only if its tasks lie in a group (numbered over all choices)."""
        before = sum(len(groups) for groups in self.problem.choices[: int(self.problem.choice[row])])
        if (row, group) not in self._optional:
            self._optional[row, group] = self.cp.new_optional_fixed_size_interval_var(
                self.starts[row], self.lengths[row], self._chosen(row, group - before), ""
            )
        return self._optional[row, group]

    def _chosen(self, row: int, group: int) -> Any:
        if (row, group) not in self.group_of:
            self.group_of[row, group] = self.cp.new_bool_var("")
        return self.group_of[row, group]

    def _exactly_one_group(self) -> None:
        for row in range(len(self.problem)):
            chosen = [self.group_of[row, g] for g in range(self._n_groups(row)) if (row, g) in self.group_of]
            if chosen and len(chosen) == self._n_groups(row):
                self.cp.add_exactly_one(chosen)
            elif chosen:
                self.cp.add_at_most_one(chosen)  # the others forbid nothing

    def _n_groups(self, row: int) -> int:
        return len(self._groups(row)) if self.problem.tasks[row] else 0

    def _add_bins(self) -> None:
        p = self.problem
        capacity = p.site.capacity
        on: list[list[tuple[Any, list[Any]]]] = [[] for _ in capacity]  # bin → (interval, amounts)
        for row in range(len(p)):
            for bin, amounts in p.fixed[row]:
                on[bin].append((self.intervals[row], list(amounts)))
            tasks = int(p.tasks[row])
            for g, members in enumerate(self._groups(row) if tasks else []):
                chosen = self._chosen(row, g)
                counts = []
                for bin in members:
                    need = capacity[bin] if p.whole[row] else p.demand[row]
                    asked = need > 0
                    most = 1 if p.whole[row] else int(min(tasks, (capacity[bin][asked] // need[asked]).min()))
                    count = self.bin_of.get((row, bin))
                    if count is None:
                        count = self.bin_of[row, bin] = self.cp.new_int_var(0, most, "")
                        on[bin].append((self._present(row, count, most), [int(a) * count for a in need]))
                    counts.append(count)
                self.cp.add(sum(counts) == tasks).only_enforce_if(chosen)
        for bin, uses in enumerate(on):
            for k in range(capacity.shape[1]):
                asking = [(i, a[k]) for i, a in uses if not isinstance(a[k], int) or a[k] > 0]
                if len(asking) > 1:
                    self.cp.add_cumulative(
                        [i for i, _ in asking], [a for _, a in asking], int(capacity[bin, k])
                    )
        of_row: dict[int, list[Any]] = {}
        for (row, _), count in self.bin_of.items():
            of_row.setdefault(row, []).append(count)
        for row, mine in of_row.items():
            self.cp.add(sum(mine) == int(p.tasks[row]))

    def _present(self, row: int, count: Any, most: int) -> Any:
        if most > 1:
            return self.intervals[row]
        return self.cp.new_optional_fixed_size_interval_var(self.starts[row], self.lengths[row], count, "")

    def _add_objective(self) -> None:
        p, objective = self.problem, self.value.objective
        if isinstance(objective, EnergyPrice):
            self._minimize(sum(self._energy(row) for row in range(len(p)) if p.watts[row]))
            return
        if objective == "makespan":
            end = self.cp.new_int_var(
                self.value.begin, max(b + n for (_, b), n in zip(self._bounds, self.lengths, strict=True)), ""
            )
            for start, length in zip(self.starts, self.lengths, strict=True):
                self.cp.add(end >= start + length)
            self._minimize(end - self.value.begin)
            return
        terms = []
        for row in range(len(p)):
            late = self._bounds[row][1] + self.lengths[row] - int(p.due[row])
            if late <= 0 or not p.weight[row]:
                continue
            least = self._bounds[row][0] + self.lengths[row] - int(p.due[row])
            term = self.starts[row] + self.lengths[row] - int(p.due[row])
            if least < 0:
                after = self.cp.new_int_var(0, late, "")
                self.cp.add(after >= term)
                term = after
            terms.append(int(p.weight[row]) * term)
        self._minimize(sum(terms))

    def _energy(self, row: int) -> Any:
        """Cost of a row: linear in its start between the times at which the price at an end of it changes."""
        objective = self.value.objective
        assert isinstance(objective, EnergyPrice)
        low, high = self._bounds[row]
        length, watts = self.lengths[row], int(self.problem.watts[row])
        breaks = np.concatenate([objective.times, objective.times - length])
        inside = np.unique(breaks[(breaks > low) & (breaks < high)])
        points = np.unique(np.concatenate([[low], inside, [high]]))
        integral = objective.integral
        paid = (integral(points + length) - integral(points)).tolist()
        if len(points) == 1:
            return watts * paid[0]
        cost = self.cp.new_int_var(min(paid), max(paid), "")
        start, parts, previous = self.starts[row], [], None
        for left, right, at_left, at_right in zip(points, points[1:], paid, paid[1:], strict=False):
            slope = (at_right - at_left) // int(right - left)
            if previous is not None and previous[0] == slope:
                previous[2] = int(right)
                continue
            previous = [slope, int(left), int(right), at_left]
            parts.append(previous)
        chosen = [self.cp.new_bool_var("") for _ in parts]
        self.cp.add_exactly_one(chosen)
        for pick, (slope, left, right, at_left) in zip(chosen, parts, strict=True):
            self.cp.add_linear_constraint(start, left, right).only_enforce_if(pick)
            self.cp.add(cost == slope * (start - left) + at_left).only_enforce_if(pick)
        return watts * cost
