"""Random small gangs and their optimum by CP-SAT: what ``hal bench gangs`` and the slow tests measure against."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hal._extras import require
from hal.topology import Level, Topology

__all__ = ["Instance", "cells", "instances", "optimum"]


class Instance(NamedTuple):
    """One gang to place, as `hal.gangs.solve` takes it."""

    topology: Topology
    tasks: list[int]
    demand: NDArray[np.int64]
    free: NDArray[np.int64]
    required: str | None
    preferred: str | None
    slices: list[tuple[int, str | None]]


def instances(count: int, *, seed: int = 0, most_nodes: int = 64, most_tasks: int = 16) -> Iterator[Instance]:
    """Make random gangs on random uneven trees of 2 to 4 levels, about half of them tight."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        n_levels = int(rng.integers(2, 5))
        names = [f"level{k}" for k in range(n_levels)]
        costs = np.sort(rng.integers(0, 20, n_levels))[::-1]
        domains: list[tuple[str, str, str | None]] = [("d0", names[0], None)]
        at = [0]
        for d in range(1, int(rng.integers(2, 13))):
            above = [k for k, level in enumerate(at) if level < n_levels - 1]
            parent = int(rng.choice(above))
            at.append(int(rng.integers(at[parent] + 1, n_levels)))
            domains.append((f"d{d}", names[at[d]], f"d{parent}"))
        n = int(rng.integers(4, most_nodes + 1))
        nodes = {f"n{i}": f"d{rng.integers(len(domains))}" for i in range(n)}
        topology = Topology(
            [Level(name, distance=int(c)) for name, c in zip(names, costs, strict=True)], domains, nodes
        )
        tasks: list[int] = []
        slices: list[tuple[int, str | None]] = []
        for share in rng.dirichlet(np.ones(int(rng.integers(1, 4)))) * rng.integers(2, most_tasks + 1):
            size = int(rng.choice([1, 1, 2, 4]))
            whole = max(1, int(share) // size) if share >= size else 1
            size = size if share >= size else 1
            tasks.append(whole * size)
            slices.append((size, str(rng.choice(names)) if rng.random() < 0.8 else None))
        demand = np.stack([rng.integers(1, 5, len(tasks)), rng.integers(0, 3, len(tasks))], axis=1)
        # Free room in all from about one half to four times what is asked for.
        wanted = (np.array(tasks)[:, None] * demand).sum(axis=0)
        mean = np.maximum(wanted * rng.uniform(0.5, 4, 2) / n, 0.5)
        free = rng.poisson(mean, (n, 2)) * rng.integers(1, 4, (n, 1))
        required, preferred = sorted(rng.integers(0, n_levels + 1, 2))
        loose, far = rng.random() < 0.6, rng.random() < 0.6
        yield Instance(
            topology,
            tasks,
            demand,
            free.astype(np.int64),
            None if loose or required >= n_levels else names[required],
            None if far or preferred >= n_levels else names[preferred],
            slices,
        )


def cells(topology: Topology, level: int) -> list[list[int]]:
    """Return what a level is made of, as node lists: its domains, lower ones that skip it, nodes above it."""
    inside: dict[tuple[bool, int], list[int]] = {}
    for node, start in enumerate(topology.node_domain.tolist()):
        key, d = (True, node), start
        while d >= 0 and topology.level[d] >= level:
            key, d = (False, d), int(topology.parent[d])
        inside.setdefault(key, []).append(node)
    return list(inside.values())


def optimum(instance: Instance, *, seconds: float = 30.0) -> tuple[int, int] | None:
    """Return (level whose cell holds the gang, least total distance), or None when nothing fits.

    The distance is the bound that CP-SAT proved, so that a gap against it is never understated.
    """
    t = instance.topology
    names = [level.name for level in t.levels]
    required = 0 if instance.required is None else names.index(instance.required)
    preferred = len(names) if instance.preferred is None else names.index(instance.preferred)
    for level in range(preferred, required - 1, -1):
        best = _least(instance, cells(t, level), seconds)
        if best is not None:
            return level, best
    return None


def _least(instance: Instance, allowed: list[list[int]], seconds: float) -> int | None:
    cp_model = require("ortools.sat.python.cp_model", extra="reserve")
    t, total = instance.topology, sum(instance.tasks)
    n, n_levels = len(t), len(t.levels)
    model = cp_model.CpModel()
    x = [[model.new_int_var(0, m, "") for _ in range(n)] for m in instance.tasks]
    for r, m in enumerate(instance.tasks):
        model.add(sum(x[r]) == m)
        size, at = instance.slices[r]
        if size > 1:
            level = n_levels if at is None else [entry.name for entry in t.levels].index(at)
            for cell in cells(t, level):
                whole = model.new_int_var(0, m // size, "")
                model.add(sum(x[r][i] for i in cell) == size * whole)
    for i in range(n):
        for k in range(instance.free.shape[1]):
            used = sum(int(instance.demand[r, k]) * x[r][i] for r in range(len(x)))
            model.add(used <= int(instance.free[i, k]))
    chosen = [model.new_bool_var("") for _ in allowed]
    model.add_exactly_one(chosen)
    for pick, cell in zip(chosen, allowed, strict=True):
        model.add(sum(x[r][i] for r in range(len(x)) for i in cell) == total).only_enforce_if(pick)

    # Distance = distance of the root for every pair, less what pairs that share a subtree save.
    pairs = [k * (k - 1) // 2 for k in range(total + 1)]
    distance = [level.distance or 0 for level in t.levels]
    saved: list[Any] = []

    def save(weight: int, members: list[int]) -> None:
        if weight and members:
            inside = model.new_int_var(0, total, "")
            model.add(inside == sum(x[r][i] for r in range(len(x)) for i in members))
            count = model.new_int_var(0, pairs[-1], "")
            model.add_element(inside, pairs, count)
            saved.append(weight * count)

    members: list[list[int]] = [[] for _ in t.domains]
    for i, start in enumerate(t.node_domain.tolist()):
        save(distance[t.level[start]], [i])
        d = start
        while d >= 0:
            members[d].append(i)
            d = int(t.parent[d])
    for d in range(1, len(members)):
        save(distance[t.level[t.parent[d]]] - distance[t.level[d]], members[d])
    model.maximize(sum(saved))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers, solver.parameters.random_seed = 1, 0
    solver.parameters.max_time_in_seconds = seconds
    status = solver.solve(model)
    if status == cp_model.INFEASIBLE:
        return None
    bound: float = solver.best_objective_bound
    return distance[int(t.level[0])] * pairs[-1] - round(bound)
