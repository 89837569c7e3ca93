"""The Gantt chart of a plan."""

from __future__ import annotations

from os import PathLike
from typing import Any

from hal._extras import require
from hal.errors import InvalidModel
from hal.reserve._times import show_time
from hal.reserve.plan import Plan
from hal.reserve.request import Maintenance

__all__ = ["draw_plan"]

_MOST_LABELS = 60


def draw_plan(plan: Plan, path: str | PathLike[str], *, title: str = "") -> None:
    """Write the chart: a row a node, a bar a booking, as high as its share of the node's tasks."""
    nodes = sorted({node for booking in plan for node in booking.nodes})
    if not nodes:
        raise InvalidModel("plot: the plan has no bookings on nodes")
    row = {node: i for i, node in enumerate(nodes)}
    first = min(b.start for b in plan)
    height = min(30.0, 1.5 + 0.22 * len(nodes))
    figure: Any = require("matplotlib.figure", extra="plot").Figure(
        figsize=(11, height), layout="constrained"
    )
    axes = figure.add_subplot()
    palette = require("matplotlib", extra="plot").colormaps["tab20"]
    lanes: dict[str, list[int]] = {node: [] for node in nodes}  # node → end of the last bar in each lane
    bars = []
    for number, booking in enumerate(sorted(plan, key=lambda b: (b.start, b.name))):
        for node in dict.fromkeys(booking.nodes):
            ends = lanes[node]
            lane = next((i for i, end in enumerate(ends) if end <= booking.start), len(ends))
            ends[lane : lane + 1] = [booking.end]
            bars.append((number, booking, node, lane))
    for number, booking, node, lane in bars:
        step = 0.9 / len(lanes[node])
        axes.broken_barh(
            [((booking.start - first) / 3600, (booking.end - booking.start) / 3600)],
            (row[node] - 0.45 + lane * step, step),
            facecolors="0.6" if isinstance(booking.request, Maintenance) else palette(number % 20),
            hatch="///" if isinstance(booking.request, Maintenance) else None,
            edgecolor="white",
            linewidth=0.4,
        )
        if len(plan) <= _MOST_LABELS and node == booking.nodes[0]:
            at = (booking.start - first) / 3600, row[node] - 0.45 + (lane + 0.5) * step
            axes.annotate(booking.name, at, fontsize=6, va="center", clip_on=True)
    axes.set_yticks(range(len(nodes)), nodes, fontsize=6)
    axes.set_ylim(len(nodes) - 0.5, -0.5)
    axes.set_xlabel(f"hours from {show_time(first)}")
    axes.set_title(title or f"{plan.status}: {len(plan)} bookings, gap {100 * plan.gap:.1f} %")
    try:
        figure.savefig(path, dpi=130)
    except (OSError, ValueError) as error:
        raise InvalidModel(f"plot: cannot write {str(path)!r}: {error}") from None
