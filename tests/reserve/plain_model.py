"""Twins: a CP-SAT model written straight from the words (no pools, no pruning), and a checker second by second."""

from __future__ import annotations

from collections.abc import Sequence

from ortools.sat.python import cp_model

import hal
from hal.reserve import EnergyPrice, Maintenance, Plan, Request
from hal.reserve.request import occurrences


def _needs(request: Request, node: hal.Node) -> tuple[int, int, int]:
    if request.exclusive:
        return node.cpu_milli, node.memory_mib, len(node.gpus)
    return round(float(request.cpus) * 1000), int(request.memory), request.gpus


def _eligible(request: Request, node: hal.Node) -> bool:
    offered = node.cpu_milli, node.memory_mib, len(node.gpus)
    models = {gpu.model for gpu in node.gpus}
    return (
        node.schedulable
        and (not request.nodes or node.name in request.nodes)
        and (not request.gpu_models or models <= set(request.gpu_models))
        and all(need <= has for need, has in zip(_needs(request, node), offered, strict=True))
    )


def _domains(request: Request, nodes: Sequence[hal.Node], rack_of: dict[str, str]) -> list[list[hal.Node]]:
    if request.level is None:
        return [list(nodes)]
    return [[n for n in nodes if rack_of[n.name] == rack] for rack in sorted(set(rack_of.values()))]


def optimum(requests, nodes, objective, *, horizon, caches=None, rack_of=None) -> int | None:
    """Return the least value in whole units, or None when no plan exists."""
    model = cp_model.CpModel()
    uses: dict[tuple[str, int], list[tuple[object, object]]] = {}
    ends, costs = [], []
    for request in [one for entry in requests for one in occurrences(entry)]:
        length = int(request.duration)
        start = model.new_int_var(0, horizon - length, "")
        opens, closes = request.window or (None, None)
        if request.start is not None:
            model.add(start == int(request.start))
        for least in (opens,):
            if least is not None:
                model.add(start >= int(least))
        for most in (closes, request.deadline):
            if most is not None:
                model.add(start + length <= int(most))
        always = model.new_fixed_size_interval_var(start, length, "")
        ends.append(start + length)
        if isinstance(request, Maintenance):
            for node in nodes:
                if node.name in request.nodes:
                    for k, amount in enumerate((node.cpu_milli, node.memory_mib, len(node.gpus))):
                        uses.setdefault((node.name, k), []).append((always, amount))
            continue
        for cache, amount in request.caches.items():
            uses.setdefault((cache, 3), []).append((always, int(amount)))
        chosen = []
        for domain in _domains(request, nodes, rack_of or {}):
            pick = model.new_bool_var("")
            chosen.append(pick)
            counts = []
            for node in domain:
                if not _eligible(request, node):
                    continue
                count = model.new_int_var(0, 1 if request.exclusive else request.tasks, "")
                counts.append(count)
                for k, need in enumerate(_needs(request, node)):
                    uses.setdefault((node.name, k), []).append((always, need * count))
            model.add(sum(counts) == request.tasks).only_enforce_if(pick)
            model.add(sum(counts) == 0).only_enforce_if(~pick)
        if request.tasks:
            model.add_exactly_one(chosen)
        if isinstance(objective, EnergyPrice):
            table = [round(objective.cost(s, length, watts=1) * 3.6e10) for s in range(horizon - length + 1)]
            cost = model.new_int_var(min(table), max(table), "")
            model.add_element(start, table, cost)
            costs.append(request.watts * cost)
        else:
            due = int(request.due) if request.due is not None else int(request.start or opens or 0) + length
            late = model.new_int_var(0, 2 * horizon, "")
            model.add(late >= start + length - due)
            costs.append(request.weight * late)
    sizes = {(n.name, k): a for n in nodes for k, a in enumerate((n.cpu_milli, n.memory_mib, len(n.gpus)))}
    sizes |= {(name, 3): size for name, size in (caches or {}).items()}
    for key, rows in uses.items():
        model.add_cumulative([i for i, _ in rows], [a for _, a in rows], sizes[key])
    if objective == "makespan":
        last = model.new_int_var(0, horizon, "")
        model.add_max_equality(last, ends)
        model.minimize(last)
    else:
        model.minimize(sum(costs))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    status = solver.solve(model)
    assert status in (cp_model.OPTIMAL, cp_model.INFEASIBLE)
    return round(solver.objective_value) if status == cp_model.OPTIMAL else None


def check_by_seconds(plan: Plan, nodes: Sequence[hal.Node], caches: dict[str, int]) -> None:
    """Assert that no second and no node or cache is promised more than it has."""
    free = {n.name: [n.cpu_milli, n.memory_mib, len(n.gpus)] for n in nodes}
    by_name = {n.name: n for n in nodes}
    for second in sorted({b.start for b in plan}):  # use only grows where a booking begins
        left = {name: list(amounts) for name, amounts in free.items()}
        room = dict(caches)
        for b in plan:
            if not b.start <= second < b.end:
                continue
            request = b.request
            for name in b.nodes:
                whole = isinstance(request, Maintenance) or request.exclusive
                need = tuple(free[name]) if whole else _needs(request, by_name[name])
                left[name] = [a - n for a, n in zip(left[name], need, strict=True)]
            for cache, amount in getattr(request, "caches", {}).items():
                room[cache] -= amount
        assert min(min(amounts) for amounts in left.values()) >= 0, (second, left)
        assert min(room.values(), default=0) >= 0
