"""Why no plan exists: a minimal set of requests that cannot all be kept, and words for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

from hal._extras import require
from hal.reserve._model import Model
from hal.reserve._problem import NEVER, Entry, Problem
from hal.reserve._times import show_time
from hal.reserve._value import Value
from hal.reserve.plan import caches_of
from hal.reserve.request import Maintenance, whole

__all__ = ["Conflict", "alone", "together"]

#: Rows of the problem that cannot all be kept, and sentences that say why.
Conflict = tuple[list[int], list[str]]


def alone(problem: Problem) -> Conflict | None:
    """Find a request that could not be kept even on an empty machine."""
    for row, entry in enumerate(problem.entries):
        if entry.promise is None and (why := _alone(problem, row, entry)):
            return [row], [why]
    return None


def together(problem: Problem, impossible: Sequence[int], *, exact: bool, seconds: float) -> Conflict:
    """Return a minimal conflict of a problem that is known to have no plan (QuickXplain, Junker 2004).

    Parameters
    ----------
    problem : Problem
        Has no plan.
    impossible : sequence of int
        Rows for which nothing is left beside what cannot move; empty when it was the solver that proved it.
    exact : bool
        It was proved by the model with bins.
    seconds : float
        When they are over, what is left is returned unreduced.
    """
    until = time.perf_counter() + seconds

    def refuted(rows: Sequence[int]) -> bool:
        left = until - time.perf_counter()
        return left > 0 and _refuted(problem.part(rows), exact, left)

    candidates = list(range(len(problem)))
    if impossible:
        pinned = [
            r for r in candidates if problem.tasks[r] == 0 and r != impossible[0] and _pinned(problem, r)
        ]
        if refuted([*pinned, impossible[0]]):
            candidates = [*pinned, impossible[0]]
    rows = sorted(_quick_xplain([], False, candidates, refuted))
    return rows, _words(problem, rows)


def _quick_xplain(
    kept: list[int], grown: bool, candidates: list[int], refuted: Callable[[Sequence[int]], bool]
) -> list[int]:
    if grown and refuted(kept):
        return []
    if len(candidates) <= 1:
        return candidates
    half = len(candidates) // 2
    left, right = candidates[:half], candidates[half:]
    second = _quick_xplain(kept + left, bool(left), right, refuted)
    first = _quick_xplain(kept + second, bool(second), left, refuted)
    return first + second


def _refuted(part: Problem, exact: bool, seconds: float) -> bool:
    cp_model = require("ortools.sat.python.cp_model", extra="reserve")
    value = Value(part, "makespan")
    model = Model(part, value, value.last_ends(None), bins=exact, objective=False)
    if model.impossible:
        return True
    solver = cp_model.CpSolver()
    solver.parameters.num_workers, solver.parameters.random_seed = 1, 0
    solver.parameters.max_time_in_seconds = seconds
    return bool(solver.solve(model.cp) == cp_model.INFEASIBLE)


def _pinned(problem: Problem, row: int) -> bool:
    return bool(problem.release[row] + problem.duration[row] == problem.deadline[row])


def _alone(problem: Problem, row: int, entry: Entry) -> str | None:
    if entry.deadline - entry.release < entry.duration:
        return (
            f"{entry.name!r} takes {_span(entry.duration)} but its window from {show_time(entry.release)} to "
            f"{show_time(entry.deadline)} has {_span(max(0, entry.deadline - entry.release))}"
        )
    part = problem.part([row])
    start = part.core.list_schedule(np.zeros(1, np.int32), part.release)[0]
    if int(start[0]) != NEVER:
        return None
    request = entry.request
    assert not isinstance(request, Maintenance)  # an empty machine has all nodes free
    for cache, amount in caches_of(request).items():
        room = int(problem.site.capacity[problem.site.caches[cache], 3])
        if amount > room:
            return f"{entry.name!r} asks for {amount:,} MiB of cache {cache!r}, which has {room:,} MiB"
    groups = problem.site.groups(request)
    if not groups:
        return f"{entry.name!r} is wider than any node that it may use: a task is {_task(entry)}"
    where = f"any domain of level {request.level!r}" if request.level else "the machine"
    most = max(_room(problem, row, group) for group in groups)
    return (
        f"{entry.name!r} is wider than {where}: of its {request.tasks} tasks ({_task(entry)} each) at most "
        f"{most} fit at a time"
    )


def _room(problem: Problem, row: int, group: Sequence[int]) -> int:
    if problem.whole[row]:
        return len(group)
    need = problem.demand[row]
    asked = need > 0
    return int((problem.site.capacity[group][:, asked] // need[asked]).min(axis=1).sum())


def _words(problem: Problem, rows: Sequence[int]) -> list[str]:
    entries = [problem.entries[row] for row in rows]
    out = []
    if len(rows) == 2 and (shared := _shared_node(problem, *rows)):
        out.append(
            f"{entries[0].name!r} and {entries[1].name!r} both need all of node {shared!r} at the same time"
        )
    else:
        out.append(f"these {len(rows)} cannot all be kept, though any {len(rows) - 1} of them can:")
    out += [_describe(entry) for entry in entries]
    return out


def _shared_node(problem: Problem, one: int, other: int) -> str | None:
    both = {bin for bin, _ in problem.fixed[one]} & {bin for bin, _ in problem.fixed[other]}
    maintained = all(isinstance(problem.entries[row].request, Maintenance) for row in (one, other))
    nodes = sorted(bin for bin in both if bin < len(problem.site.nodes))
    return problem.site.nodes[nodes[0]].name if nodes and maintained else None


def _describe(entry: Entry) -> str:
    request = entry.request
    if isinstance(request, Maintenance):
        more = len(request.nodes) - 4
        what = f"maintenance of {', '.join(request.nodes[:4])}" + (f" and {more} more" if more > 0 else "")
    else:
        what = f"{request.tasks} × {_task(entry)}" if request.tasks else "room"
        what += "".join(f", {amount:,} MiB of {cache!r}" for cache, amount in caches_of(request).items())
        what += f" on {', '.join(request.nodes)}" if request.nodes else ""
        what += f" in one {request.level}" if request.level else ""
    if entry.release + entry.duration == entry.deadline:
        when = f"from {show_time(entry.release)} to {show_time(entry.deadline)}"
    else:
        end = f"to {show_time(entry.deadline)}" if entry.deadline < 2**40 else "on"
        when = f"for {_span(entry.duration)} within {show_time(entry.release)} {end}"
    return f"{entry.name!r}{' (promised)' if entry.promise else ''}: {what}, {when}"


def _task(entry: Entry) -> str:
    request = entry.request
    if isinstance(request, Maintenance) or request.exclusive:
        return "a whole node"
    parts = [
        f"{request.gpus} GPUs" + (f" ({' or '.join(request.gpu_models)})" if request.gpu_models else "")
        if request.gpus
        else "",
        f"{request.cpus:g} CPUs" if request.cpus else "",
        f"{whole(request.memory):,} MiB" if request.memory else "",
    ]
    return ", ".join(part for part in parts if part)


def _span(seconds: int) -> str:
    parts = [
        (seconds // 86400, "d"),
        (seconds // 3600 % 24, "h"),
        (seconds // 60 % 60, "min"),
        (seconds % 60, "s"),
    ]
    return " ".join(f"{amount} {unit}" for amount, unit in parts if amount) or "0 s"
