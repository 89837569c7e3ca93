"""One HTML page with everything in it: tables, and pictures as inline SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

import numpy as np

from hal._show import counted

__all__ = ["page"]

#: Colours that stay apart for colour-blind readers (Okabe and Ito).
COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
_STYLE: Final = """
body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse;margin:1rem 0}td,th{padding:.3rem .8rem;border-bottom:1px solid #ddd;text-align:right}
td:first-child,th:first-child{text-align:left}thead th{border-bottom:2px solid #888}
.best{font-weight:600}.note{color:#666;font-size:.9em}svg{max-width:100%;height:auto}
svg text{font:12px system-ui,sans-serif;fill:#444}figure{margin:1.5rem 0}
"""


def page(report: Mapping[str, Any]) -> str:
    """Return the page of a `hal.arena.report`; it loads nothing from anywhere."""
    names: Sequence[str] = report["policies"]
    colour = {name: COLOURS[at % len(COLOURS)] for at, name in enumerate(names)}
    pairs = len(report["traces"]) * len(report["seeds"])
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>",
        f"<title>hal arena</title><style>{_STYLE}</style><h1>Policies side by side</h1>",
        f"<p>{escape(', '.join(names))} on {escape(', '.join(report['traces']))}, "
        f"{counted(len(report['seeds']), 'seed')}: {counted(pairs, 'pair')}.</p>",
        _summary(report),
        "<h2>Allocation against arrived demand</h2>",
        *(_curves(report, trace, colour) for trace in report["traces"]),
        "<h2>Means with 95 % intervals</h2>",
        *(_dots(report, metric, colour) for metric in report["metrics"]),
        _comparisons(report),
        _wins(report),
    ]
    return "\n".join(parts)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def _summary(report: Mapping[str, Any]) -> str:
    metrics = report["metrics"]
    best = {}
    for metric in metrics:
        means = {name: report["summary"][name][metric["name"]]["mean"] for name in report["policies"]}
        best[metric["name"]] = (max if metric["higher"] else min)(means, key=lambda name: means[name])
    rows = []
    for name in report["policies"]:
        cells = [escape(name)]
        for metric in metrics:
            found = report["summary"][name][metric["name"]]
            text = number(found["mean"])
            if found["low"] is not None:
                text += f" <span class=note>± {number(found['high'] - found['mean'])}</span>"
            mark = " class=best" if best[metric["name"]] == name else ""
            cells.append(f"<span{mark}>{text}</span>")
        rows.append(cells)
    notes = "; ".join(f"<b>{m['name']}</b>: {escape(m['text'])}" for m in metrics)
    return (
        _table(["policy", *(f"{m['name']} ({m['unit']})" for m in metrics)], rows)
        + f"<p class=note>{notes}</p>"
    )


def _comparisons(report: Mapping[str, Any]) -> str:
    rows = [
        [
            row["metric"],
            escape(row["policy"]),
            escape(row["against"]),
            f"{row['mean_difference']:+.4g}",
            f"{row['wins']} / {row['ties']} / {row['losses']}",
            "–" if row["p_adjusted"] is None else f"{row['p_adjusted']:.3g} {row['mark']}",
        ]
        for row in report["comparisons"]
    ]
    head = ["metric", "policy", "against", "difference of means", "wins / ties / losses", "p"]
    note = "p: Wilcoxon's signed-rank test over the pairs, adjusted by Holm's method. * 0.05, ** 0.01, *** 0.001."
    return f"<h2>Paired comparisons</h2>{_table(head, rows)}<p class=note>{note}</p>"


def _wins(report: Mapping[str, Any]) -> str:
    names = report["policies"]
    rows = [[escape(a), *("–" if a == b else str(report["wins"][a][b]) for b in names)] for a in names]
    note = "How often the row beat the column, over pairs and all metrics but speed."
    return f"<h2>Wins and losses</h2>{_table(['', *names], rows)}<p class=note>{note}</p>"


def _curves(report: Mapping[str, Any], trace: str, colour: Mapping[str, str]) -> str:
    width, height, left, bottom = 640, 300, 50, 40
    means = {}
    for name in report["policies"]:
        found = [b["curve"] for b in report["bouts"] if (b["trace"], b["policy"]) == (trace, name)]
        column = np.array([[np.nan if x is None else x for x in curve] for curve in found], dtype=np.float64)
        means[name] = column.mean(axis=0)
    first = 60
    low = min(
        (float(np.nanmin(mean[first:])) for mean in means.values() if np.isfinite(mean[first:]).any()),
        default=0,
    )
    low = np.floor(low / 5) * 5

    def at(percent: float, value: float) -> str:
        x = left + (width - left - 110) * (percent - first) / (130 - first)
        y = (height - bottom) - (height - bottom - 20) * (value - low) / (100 - low)
        return f"{x:.1f},{y:.1f}"

    parts = [
        f"<figure><svg viewBox='0 0 {width} {height}' role=img aria-label='allocation on {escape(trace)}'>"
    ]
    for value in np.linspace(low, 100, 5):
        x, y = at(first, value).split(",")
        end = at(130, value).split(",")[0]
        parts.append(f"<line x1='{x}' x2='{end}' y1='{y}' y2='{y}' stroke='#e5e5e5'/>")
        parts.append(f"<text x='{left - 8}' y='{float(y) + 4}' text-anchor='end'>{value:.0f} %</text>")
    for percent in range(first, 131, 10):
        x = at(percent, low).split(",")[0]
        parts.append(f"<text x='{x}' y='{height - bottom + 18}' text-anchor='middle'>{percent} %</text>")
    for line, (name, mean) in enumerate(means.items()):
        points = " ".join(at(p, mean[p]) for p in range(first, 131) if np.isfinite(mean[p]))
        parts.append(f"<polyline points='{points}' fill='none' stroke='{colour[name]}' stroke-width='2'/>")
        top = 30 + 18 * line
        parts.append(f"<rect x='{width - 100}' y='{top - 9}' width='12' height='4' fill='{colour[name]}'/>")
        parts.append(f"<text x='{width - 82}' y='{top - 3}'>{escape(name[:14])}</text>")
    return (
        "".join(parts)
        + f"</svg><figcaption class=note>{escape(trace)}: mean over the seeds</figcaption></figure>"
    )


def _dots(report: Mapping[str, Any], metric: Mapping[str, Any], colour: Mapping[str, str]) -> str:
    names = report["policies"]
    found = {name: report["summary"][name][metric["name"]] for name in names}
    ends = [x for row in found.values() for x in row.values() if x is not None]
    low, high = min(ends), max(ends)
    span = (high - low) or 1.0
    width, left, right = 640, 150, 90

    def x(value: float) -> float:
        return left + (width - left - right) * float((value - low) / span)

    height = 28 * len(names) + 30
    better = "higher" if metric["higher"] else "lower"
    parts = [
        f"<figure><svg viewBox='0 0 {width} {height}' role=img aria-label='{escape(metric['name'])}'>",
        f"<text x='0' y='14' style='font-weight:600'>{escape(metric['name'])}, {escape(metric['unit'])} "
        f"({better} is better)</text>",
    ]
    for at, name in enumerate(names):
        row, y = found[name], 40 + 28 * at
        parts.append(f"<text x='{left - 12}' y='{y + 4}' text-anchor='end'>{escape(name[:20])}</text>")
        if row["low"] is not None:
            ends_at = f"x1='{x(row['low']):.1f}' x2='{x(row['high']):.1f}'"
            parts.append(f"<line {ends_at} y1='{y}' y2='{y}' stroke='{colour[name]}' stroke-width='3'/>")
        parts.append(f"<circle cx='{x(row['mean']):.1f}' cy='{y}' r='5' fill='{colour[name]}'/>")
        parts.append(f"<text x='{width - right + 14}' y='{y + 4}'>{number(row['mean'])}</text>")
    return "".join(parts) + "</svg></figure>"


def number(value: float) -> str:
    """A figure for people: four digits, thousands apart."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
