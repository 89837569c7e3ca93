"""Drawings of a topology and of placements on it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hal._extras import require
from hal._show import counted
from hal.errors import InvalidModel
from hal.topology._topology import Topology

if TYPE_CHECKING:
    from rich.tree import Tree

_COLOURS = ("green", "magenta", "cyan", "yellow", "blue", "red", "bright_green", "bright_magenta")


def _jobs_of(topology: Topology, placement: Mapping[str, Sequence[str]]) -> list[list[int]]:
    """Per node, in node order, the jobs on it as positions in `placement`."""
    jobs: list[list[int]] = [[] for _ in topology.nodes]
    for k, nodes in enumerate(placement.values()):
        for node in dict.fromkeys(nodes):
            jobs[topology.index(node)].append(k)
    return jobs


def tree(
    topology: Topology, *, placement: Mapping[str, Sequence[str]] | None = None, limit: int = 16
) -> Tree:
    """Draw a topology as a `rich.tree.Tree`, placed nodes in their job's colour.

    Parameters
    ----------
    topology : Topology
    placement : mapping of str to sequence of str, optional
        Nodes of each job; a node may serve several.
    limit : int
        Most nodes and most domains shown below one domain; the rest is counted. Nodes with a job come first.

    Returns
    -------
    rich.tree.Tree
    """
    rich_tree, escape = require("rich.tree", extra="cli"), require("rich.markup", extra="cli").escape
    placement = placement or {}
    jobs, names = _jobs_of(topology, placement), list(placement)
    domains = topology.domains
    nodes: list[list[int]] = [[] for _ in domains]
    for node in topology.node_order.tolist():
        nodes[topology.node_domain[node]].append(node)
    children: list[list[int]] = [[] for _ in domains]
    counts = [len(below) for below in nodes]
    for d in range(len(domains) - 1, 0, -1):
        parent = int(topology.parent[d])
        children[parent].insert(0, d)
        counts[parent] += counts[d]

    def label(d: int) -> str:
        return f"[bold]{escape(domains[d].name)}[/] [dim]{escape(domains[d].level)} · {counted(counts[d], 'node')}[/]"

    drawn: Tree = rich_tree.Tree(label(0))
    stack = [(0, drawn)]
    while stack:
        d, branch = stack.pop()
        shown = sorted(nodes[d], key=lambda node: not jobs[node])[:limit]
        for node in sorted(shown, key=nodes[d].index):
            text = escape(topology.nodes[node])
            tags = " ".join(f"[{_COLOURS[k % len(_COLOURS)]}]■ {escape(names[k])}[/]" for k in jobs[node])
            branch.add(f"{text} {tags}" if tags else text)
        if len(nodes[d]) > limit:
            branch.add(f"[dim]… {counted(len(nodes[d]) - limit, 'more node')}[/]")
        stack.extend((child, branch.add(label(child))) for child in children[d][:limit])
        if len(children[d]) > limit:
            branch.add(f"[dim]… {counted(len(children[d]) - limit, 'more domain')}[/]")
    return drawn


def plot(
    topology: Topology,
    path: str | os.PathLike[str],
    *,
    placement: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Save a picture of a topology: the tree above, its nodes as cells below in their job's colour.

    Parameters
    ----------
    topology : Topology
        At least one node.
    path : path
        ``.png``, ``.svg``, ``.pdf`` or another format of matplotlib.
    placement : mapping of str to sequence of str, optional
        Nodes of each job; the first named colours a node that serves several.
    """
    if not topology.nodes:
        raise InvalidModel("topology: no nodes to draw; attach some")
    figure_module = require("matplotlib.figure", extra="plot")
    collections, patches = (
        require("matplotlib.collections", extra="plot"),
        require("matplotlib.patches", extra="plot"),
    )
    colour_map = require("matplotlib", extra="plot").colormaps["tab10"]
    placement = placement or {}
    jobs = _jobs_of(topology, placement)
    n, n_levels = len(topology), len(topology.levels)
    figure = figure_module.Figure(figsize=(12, 1.2 + 0.8 * n_levels), layout="constrained")
    axes = figure.subplots()
    order, domains = topology.node_order.tolist(), topology.domains

    cells = [patches.Rectangle((x + 0.08, -0.9), 0.84, 0.6) for x in range(n)]
    colours: list[Any] = [colour_map(jobs[i][0] % 10) if jobs[i] else "0.85" for i in order]
    axes.add_collection(collections.PatchCollection(cells, facecolor=colours, edgecolor="none"))

    centre, lines = [0.0] * len(domains), []
    for d in range(len(domains)):
        begin, end = (int(topology._core.node_begin[k]) for k in (d, topology._core.subtree_end[d]))
        centre[d] = (begin + end) / 2
        y = n_levels - 1 - int(topology.level[d])
        if d > 0:
            parent = int(topology.parent[d])
            lines.append([(centre[d], y), (centre[parent], n_levels - 1 - int(topology.level[parent]))])
        lines.append([(begin + 0.08, y), (max(end, begin + 1) - 0.08, y)])
        if (end - begin) * 90 >= n * len(domains[d].name):  # as far as the text has room
            axes.annotate(domains[d].name, (centre[d], y), ha="center", va="bottom", fontsize=8)
    axes.add_collection(collections.LineCollection(lines, colors="0.4", linewidths=0.8))
    if n <= 64:
        for x, node in enumerate(order):
            axes.text(x + 0.5, -1.0, topology.nodes[node], ha="center", va="top", fontsize=6, rotation=90)
    axes.set_xlim(0, n)
    axes.set_ylim(-1.6 if n <= 64 else -1.1, n_levels - 0.4)
    axes.set_yticks(range(n_levels), [level.name for level in reversed(topology.levels)])
    axes.set_xticks([])
    axes.spines[:].set_visible(False)
    if placement:
        handles = [patches.Patch(color=colour_map(k % 10), label=name) for k, name in enumerate(placement)]
        figure.legend(handles=handles, loc="outside lower center", ncols=8, fontsize=8, frameon=False)
    figure.savefig(path, dpi=120)
