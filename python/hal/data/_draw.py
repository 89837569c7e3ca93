"""A staging plan as a timeline: a row a link, a bar a transfer, a mark where a job starts."""

from __future__ import annotations

import itertools
from os import PathLike
from typing import TYPE_CHECKING

from hal._extras import require
from hal._show import counted
from hal.data._units import MICRO

if TYPE_CHECKING:
    from hal.data.staging import StagingPlan


def draw_plan(plan: StagingPlan, path: str | PathLike[str]) -> None:
    """Save the picture; the ending of the path chooses the format."""
    figure_module = require("matplotlib.figure", extra="plot")
    colormaps = require("matplotlib", extra="plot").colormaps
    tree = plan.content.tree
    bars = []  # row, begin, end, dataset
    for i in range(len(plan)):
        route = tree.route(tree.names[plan.source[i]], tree.names[plan.target[i]])
        for above, below in itertools.pairwise(route):
            link = below if tree.parent(below) == above else above
            bars.append((link, plan.begin[i] / MICRO, plan.end[i] / MICRO, int(plan.dataset[i])))
    job_caches = {job.cache for job in plan.jobs}
    rows = [name for name in tree.names if name in job_caches or any(bar[0] == name for bar in bars)]
    datasets = sorted({bar[3] for bar in bars})
    colour = {dataset: colormaps["tab10"](i % 10) for i, dataset in enumerate(datasets)}

    figure = figure_module.Figure(figsize=(9, 1.2 + 0.45 * max(len(rows), 2)), layout="constrained")
    axes = figure.subplots()
    labelled = set()
    for link, begin, end, dataset in bars:
        label = None if dataset in labelled else plan.content.name(dataset)
        labelled.add(dataset)
        axes.barh(rows.index(link), end - begin, left=begin, height=0.6, color=colour[dataset], label=label)
    for job, start in zip(plan.jobs, plan.starts, strict=True):
        row = rows.index(job.cache)
        axes.plot([start / MICRO], [row], marker="|", markersize=18, color="black", linestyle="none")
        axes.annotate(job.name, (start / MICRO, row), xytext=(4, 7), textcoords="offset points", fontsize=8)
    axes.set_yticks(range(len(rows)), [f"{tree.parent(name) or 'root'} ↔ {name}" for name in rows])
    axes.invert_yaxis()
    axes.set_xlabel("seconds from now")
    axes.set_title(
        f"{counted(len(plan), 'move')}: {plan.saved_seconds:,.0f} s of waiting saved; ticks are job starts",
        fontsize=10,
    )
    if datasets:
        axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    figure.savefig(path, dpi=130)
