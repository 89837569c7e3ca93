"""The study of controllers as one picture."""

from __future__ import annotations

from typing import Any, Final

from hal._extras import require
from hal.study.protocol import CONTROLLERS, METRICS, PACK, SPREAD, Study
from hal.study.store import Store

__all__ = ["draw_study"]

_SHOWN: Final = ("p95_pending_work", "mean_sigma", "energy_per_job")
_STYLE: Final = {
    "pack": ("s", "#222222"),
    "spread": ("D", "#999999"),
    "best static": ("_", "#e03131"),
    "heuristic": ("o", "#f08c00"),
    "pid": ("o", "#1971c2"),
    "bayesian": ("o", "#2f9e44"),
    "mpc": ("o", "#9c36b5"),
}


def draw_study(study: Study, store: Store) -> Any:
    """Draw waiting work, sigma and energy of each controller in each case, with 95 % intervals.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    MissingExtra
        matplotlib is not installed.
    """
    figure: Any = require("matplotlib.figure", extra="plot").Figure(figsize=(11, 9), layout="constrained")
    panels = figure.subplots(len(_SHOWN), 1, sharex=True)
    for panel, metric in zip(panels, _SHOWN, strict=True):
        scale, label = METRICS[metric]
        rows = study.rows(store, metric)
        for place, (name, (marker, colour)) in enumerate(_STYLE.items()):
            at, middle, half = [], [], []
            for index, row in enumerate(rows):
                known = {"pack": PACK, "spread": SPREAD, "best static": row.best}
                value = row.values[known.get(name, name)]
                at.append(index + 0.11 * (place - len(_STYLE) / 2 + 0.5))
                middle.append(scale * value.mean)
                half.append(scale * value.half)
            panel.errorbar(at, middle, half, fmt=marker, color=colour, markersize=5, linewidth=1, label=name)
        panel.set_ylabel(label.replace(", ", ",\n", 1))
        panel.grid(axis="y", alpha=0.3)
        if metric == "mean_sigma":
            panel.axhline(0.9, color="#e03131", linewidth=0.8, linestyle=":")
        panel.set_ylim(bottom=0)
    names = [
        f"{workload}\n{load:.0%}\n{machine.replace('_', ' ')}" for machine, workload, load in study.groups()
    ]
    panels[-1].set_xticks(range(len(names)), names, fontsize=8)
    figure.legend(*panels[0].get_legend_handles_labels(), ncols=len(_STYLE), loc="outside lower center")
    figure.suptitle(f"{len(CONTROLLERS)} controllers and static p, {study.seeds} seeds, 95 % intervals")
    return figure
