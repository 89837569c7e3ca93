"""Allocation against arrived demand, as a picture. Needs the extra ``plot``."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike

import numpy as np

from hal._extras import require
from hal.errors import HalError
from hal.replay.openb.experiment import Run
from hal.replay.openb.metrics import PERCENTS

__all__ = ["save_plot"]


def save_plot(path: str | PathLike[str], runs: Sequence[Run]) -> None:
    """Draw the mean curve of each policy, one panel a trace.

    Parameters
    ----------
    path : path
        The suffix says the format: PNG, SVG or PDF.
    runs : sequence of Run
        At least one.

    Raises
    ------
    MissingExtra
        matplotlib is not installed.
    HalError
        The file cannot be written, or its suffix is no known format.
    """
    figures = require("matplotlib.figure", extra="plot")
    traces = list(dict.fromkeys(done.trace for done in runs))
    names = list(dict.fromkeys(done.policy for done in runs))
    columns = min(3, len(traces))
    lines = -(-len(traces) // columns)
    figure = figures.Figure(figsize=(5 * columns + 1, 3.6 * lines), layout="constrained")
    panels = figure.subplots(lines, columns, squeeze=False, sharex=True).ravel()
    percents = np.arange(PERCENTS)
    for panel, trace in zip(panels, traces, strict=False):
        panel.plot(percents, np.minimum(percents, 100), color="0.8", linewidth=1, label="all that arrived")
        for name in names:
            group = [done.allocation for done in runs if (done.trace, done.policy) == (trace, name)]
            panel.plot(percents, np.mean(group, axis=0), linewidth=1.6, label=name)
        panel.set(title=f"trace {trace}", xlim=(60, PERCENTS - 1), ylim=(60, 100.5))
        panel.set_xlabel("arrived GPU demand, % of capacity")
        panel.set_ylabel("allocated GPUs, %")
        panel.grid(alpha=0.3)
    for panel in panels[len(traces) :]:
        panel.set_visible(False)
    panels[0].legend(loc="lower right", fontsize="small")
    try:
        figure.savefig(path, dpi=130)
    except (OSError, ValueError) as error:
        raise HalError(f"{path}: cannot be written ({error})") from None
