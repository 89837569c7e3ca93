"""Plain twins: trees as parent lists, the lowest common domain by comparing whole paths."""

from __future__ import annotations

from itertools import combinations

from hypothesis import strategies as st


def distances(levels, domains, nodes):
    """Matrix by definition: the distance of the level of the last domain two paths share."""
    rows = {name: (level, parent) for name, level, parent in domains}
    cost = dict(levels)

    def path(domain):
        return [] if domain is None else [*path(rows[domain][1]), domain]

    def distance(a, b):
        if a == b:
            return 0
        shared = [x for x, y in zip(path(nodes[a]), path(nodes[b]), strict=False) if x == y]
        return cost[rows[shared[-1]][0]]

    return [[distance(a, b) for b in nodes] for a in nodes]


def choose_devices(free, domain, count):
    """The best of all subsets by (domains touched, free devices left in them, indices)."""
    devices = [i for i in range(len(domain)) if free >> i & 1]
    if not 1 <= count <= len(devices):
        return 0

    def cost(chosen):
        touched = {domain[i] for i in chosen}
        return len(touched), sum(domain[i] in touched for i in devices), chosen

    return sum(1 << i for i in min(combinations(devices, count), key=cost))


@st.composite
def trees(draw, max_domains=12, max_nodes=14):
    """(levels as (name, distance), domains, nodes) of a valid tree of uneven depth, in any order."""
    n_levels = draw(st.integers(1, 5))
    costs = sorted(draw(st.lists(st.integers(0, 20), min_size=n_levels, max_size=n_levels)), reverse=True)
    levels = [(f"level{i}", cost) for i, cost in enumerate(costs)]
    at = [draw(st.integers(0, n_levels - 1))]
    domains = [("d0", f"level{at[0]}", None)]
    for i in range(1, draw(st.integers(1, max_domains))):
        above = [k for k, level in enumerate(at) if level < n_levels - 1]
        if not above:
            break
        parent = draw(st.sampled_from(above))
        at.append(draw(st.integers(at[parent] + 1, n_levels - 1)))
        domains.append((f"d{i}", f"level{at[i]}", f"d{parent}"))
    names = [name for name, _, _ in domains]
    n_nodes = draw(st.integers(0, max_nodes))
    nodes = {f"n{i}": draw(st.sampled_from(names)) for i in range(n_nodes)}
    return levels, draw(st.permutations(domains)), nodes
