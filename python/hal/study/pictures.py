"""Traces of simulations as files, pictures, and one page that needs nothing else."""

from __future__ import annotations

import base64
import csv
import html
import io
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hal._extras import require
from hal.errors import InvalidModel, MissingExtra

__all__ = ["LEGEND", "PANELS", "draw_traces", "save_page", "save_trace"]

Trace = Mapping[str, NDArray[np.float64]]

#: Columns of a trace that are drawn, with their labels.
PANELS: Final = {
    "queue": "queue\njobs",
    "sigma": "σ, coherence\n0 … 1",
    "entropy": "H, entropy\n0 … 1",
    "drift": "δ, drift\ncapacity / s",
    "potential": "Φ, potential\nno unit",
    "p": "p\n0 pack, 1 spread",
    "power_w": "power\nkW",
}
#: What each panel shows, in the order of `PANELS`.
LEGEND: Final = {
    "queue": "jobs that wait",
    "σ": "how evenly load is spread over the nodes; 1 is perfectly even",
    "H": "how mixed the kinds of jobs on a node are; 1 is all kinds alike",
    "δ": "growth of the waiting work, in shares of the capacity a second; below 0 the queue shrinks",
    "Φ": "tension of unevenness, monotony, growth and waste together; 0 at rest",
    "p": "the knob that the controller turns: 0 packs jobs onto few nodes, 1 keeps them apart",
    "power": "of all nodes, asleep ones included",
}
_COLOURS: Final = ("#b8b8b8", "#0b6bcb", "#c8501e", "#2b8a3e", "#862e9c")


def save_trace(trace: Trace, folder: Path, name: str, *, parquet: bool | None = None) -> Path:
    """Write a trace, one row a control step.

    Parameters
    ----------
    trace : mapping of str to (steps,) float64
    folder : Path
    name : str
        Without ending.
    parquet : bool, optional
        Default: Parquet where pyarrow is installed, else CSV.

    Raises
    ------
    MissingExtra
        Parquet was asked for and pyarrow is not installed.
    """
    if parquet is not False:
        try:
            arrow, writer = require("pyarrow", extra="parquet"), require("pyarrow.parquet", extra="parquet")
        except MissingExtra:
            if parquet:
                raise
        else:
            path = folder / f"{name}.parquet"
            writer.write_table(arrow.table(dict(trace)), path)
            return path
    path = folder / f"{name}.csv"
    with path.open("w", newline="", encoding="utf-8") as out:
        rows = csv.writer(out)
        rows.writerow(trace)
        rows.writerows(zip(*(column.tolist() for column in trace.values()), strict=True))
    return path


def draw_traces(traces: Mapping[str, Trace], *, title: str = "") -> Any:
    """Draw the traces over each other, a panel a signal.

    Parameters
    ----------
    traces : mapping of name to trace
        The first is the baseline, drawn broad and grey, so that the others can be seen where they lie on it.
    title : str

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    MissingExtra
        matplotlib is not installed.
    """
    figure: Any = require("matplotlib.figure", extra="plot").Figure(
        figsize=(10, 1.55 * len(PANELS) + 0.6), layout="constrained"
    )
    axes = figure.subplots(len(PANELS), 1, sharex=True)
    longest = max((float(trace["time"][-1]) for trace in traces.values() if len(trace["time"])), default=0.0)
    unit, name = (3600, "h") if longest > 7200 else (60, "min")
    for panel, (column, label) in zip(axes, PANELS.items(), strict=True):
        for index, (who, trace) in enumerate(traces.items()):
            values = trace[column] / 1000 if column == "power_w" else trace[column]
            panel.plot(
                trace["time"] / unit,
                values,
                label=who,
                color=_COLOURS[index % len(_COLOURS)],
                linewidth=1.1 if index else 2.8,
                zorder=2 + 0.1 * index,
            )
        panel.set_ylabel(label)
        panel.grid(alpha=0.25)
        if column in ("sigma", "entropy", "p"):
            panel.set_ylim(-0.03, 1.03)
        elif column != "drift":
            panel.set_ylim(bottom=0)
    axes[0].legend(
        loc="lower right", bbox_to_anchor=(1, 1), ncols=len(traces), frameon=False, borderaxespad=0.2
    )
    axes[-1].set_xlabel(f"simulated time, {name}")
    axes[0].set_title(title, loc="left")
    figure.align_ylabels(axes)
    return figure


def save_page(
    path: Path,
    figure: Any,
    summaries: Mapping[str, Mapping[str, float]],
    *,
    title: str,
    about: str = "",
    differences: Collection[str] = (),
) -> None:
    """Write one HTML page with the picture and the figures in it; it loads nothing else.

    Parameters
    ----------
    path : Path
    figure : matplotlib.figure.Figure
    summaries : mapping of name to figures by label
        The first is what the others are compared with.
    title : str
    about : str
        What was simulated, in a line.
    differences : collection of str
        Labels of figures on a fixed scale, whose change is a difference and not a share.

    Raises
    ------
    InvalidModel
        The file cannot be written.
    """
    picture = io.StringIO()
    figure.savefig(picture, format="svg")
    image = base64.b64encode(picture.getvalue().encode()).decode()
    names = list(summaries)
    first = summaries[names[0]]
    rows = []
    for key, base in first.items():
        cells = [f"<td>{summaries[name][key]:,.5g}</td>" for name in names]
        change = [f"<td>{_change(base, summaries[name][key], key in differences)}</td>" for name in names[1:]]
        rows.append(f"<tr><th>{html.escape(key)}</th>{''.join(cells)}{''.join(change)}</tr>")
    head = "".join(f"<th>{html.escape(name)}</th>" for name in names)
    head += "".join(
        f"<th>{'change' if len(names) == 2 else html.escape(name) + ', change'}</th>" for name in names[1:]
    )
    drawn = "; ".join(PANELS.values()).replace("\n", ", ")
    text = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{html.escape(title)}</title>"
        "<style>body{font:15px/1.5 system-ui,sans-serif;max-width:1080px;margin:2em auto;padding:0 1em}"
        "img{width:100%}table{border-collapse:collapse}th,td{padding:.15em .9em;border-bottom:1px solid #ddd;"
        "text-align:right}tbody th{text-align:left;font-weight:normal}</style>"
        f"<h1>{html.escape(title)}</h1><p>{html.escape(about)}</p>"
        f'<img alt="{html.escape(drawn)} over time" src="data:image/svg+xml;base64,{image}">'
        f"<ul>{''.join(f'<li><b>{html.escape(k)}</b>: {html.escape(v)}</li>' for k, v in LEGEND.items())}</ul>"
        f"<h2>Whole run</h2><table><thead><tr><th></th>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></html>"
    )
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise InvalidModel(f"page: cannot write {str(path)!r}: {error}") from None


def _change(base: float, value: float, difference: bool) -> str:
    if difference:
        return f"{value - base:+.3g}"
    return f"{100 * (value / base - 1):+.1f} %" if base else ""
