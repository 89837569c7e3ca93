"""The rule of gangs by definition: every way to put the tasks, and checks of one way."""

from __future__ import annotations

from itertools import combinations_with_replacement, product

import numpy as np
from hypothesis import strategies as st

from hal.topology import Level, Topology


def levels_of(topology, node):
    """Level and domain of each domain above a node, the root first."""
    at, path = int(topology.node_domain[node]), []
    while at >= 0:
        path.append((int(topology.level[at]), at))
        at = int(topology.parent[at])
    return path[::-1]


def cell(topology, node, level):
    """What `level` is made of where the node is: the highest domain at it or below, or the node itself."""
    return next(((1, d) for lv, d in levels_of(topology, node) if lv >= level), (0, node))


def spread(topology, nodes):
    """Level of the lowest common domain, n_levels for a single node."""
    if len(set(nodes)) == 1:
        return len(topology.levels)
    paths = [levels_of(topology, node) for node in nodes]
    shared = [a for a, *rest in zip(*paths, strict=False) if all(b == a for b in rest)]
    return shared[-1][0]


def distance(topology, nodes):
    matrix = topology.distances()
    return int(sum(matrix[a, b] for i, a in enumerate(nodes) for b in nodes[:i]))


def broken(topology, roles, demand, free, required, placed, running=()):
    """What is wrong with tasks placed as a node list per role, or None."""
    used = np.zeros_like(free)
    for r, nodes in enumerate(placed):
        tasks, size, level = roles[r]
        if len(nodes) != tasks:
            return "tasks"
        for node in nodes:
            used[node] += demand[r]
        for i in range(0, tasks, size):
            if len({cell(topology, node, level) for node in nodes[i : i + size]}) > 1:
                return "slices"
    if (used > free).any():
        return "capacity"
    everyone = [*running, *(node for nodes in placed for node in nodes)]
    if len({cell(topology, node, required) for node in everyone}) > 1:
        return "required level"
    return None


def best(topology, roles, demand, free, required, preferred, running=()):
    """(narrowest cell level, least distance) over all placements, or None."""
    found = None
    ways = [list(combinations_with_replacement(range(len(topology)), tasks)) for tasks, _, _ in roles]
    for combination in product(*ways):
        # Tasks of one role are alike; sorting them along the tree keeps every slice together if anything does.
        order = {node: k for k, node in enumerate(topology.node_order.tolist())}
        placed = [sorted(nodes, key=order.get) for nodes in combination]
        if broken(topology, roles, demand, free, required, placed, running):
            continue
        everyone = [*running, *(node for nodes in placed for node in nodes)]
        level = next(
            k for k in range(preferred, -1, -1) if len({cell(topology, node, k) for node in everyone}) == 1
        )
        key = (-level, distance(topology, everyone))
        found = key if found is None else min(found, key)
    return found


def solved(topology, roles, demand, free, required, preferred, running=(), effort=4e6):
    """The core's answer as (feasible, exact, spread, distance, node list per role)."""
    from hal import _core

    held = np.bincount(np.array(running, int), minlength=len(topology)).astype(np.int32)
    feasible, exact, level, total, shares = _core.solve_gang(
        topology._core,
        roles,
        np.array(demand, np.int64),
        np.array(free, np.int64),
        required,
        preferred,
        held if len(running) else None,
        effort,
    )
    placed = [[node for node, counts in shares for _ in range(counts[r])] for r in range(len(roles))]
    return feasible, exact, level, total, placed


@st.composite
def gangs(draw, max_nodes=5, max_tasks=4, max_roles=2, sliced=True):
    """A small random problem: (topology, roles, demand, free, required, preferred)."""
    from tests.topology import topology_twin

    levels, domains, _ = draw(topology_twin.trees(max_domains=7))
    names = [name for name, _, _ in domains]
    n = draw(st.integers(1, max_nodes))
    topology = Topology(
        [Level(name, distance=cost) for name, cost in levels],
        domains,
        {f"n{i}": draw(st.sampled_from(names)) for i in range(n)},
    )
    n_levels = len(levels)
    n_roles = draw(st.integers(1, max_roles))
    roles, left = [], max_tasks
    for r in range(n_roles):
        size = draw(st.integers(1, 2)) if sliced and left >= 2 + n_roles else 1
        count = draw(st.integers(1, max(1, (left - (n_roles - r - 1)) // size)))
        roles.append((size * count, size, draw(st.integers(0, n_levels))))
        left -= size * count
    demand = [[draw(st.integers(0, 2)), draw(st.integers(1, 2))] for _ in roles]
    free = [[draw(st.integers(0, 5)), draw(st.integers(0, 5))] for _ in range(n)]
    required = draw(st.integers(0, n_levels))
    preferred = draw(st.integers(required, n_levels))
    return topology, roles, np.array(demand), np.array(free), required, preferred
