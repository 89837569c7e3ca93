"""Pictures of a schedule: utilisation over time, wait against size, and a Gantt chart."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hal._extras import require
from hal._show import counted
from hal.errors import InvalidModel
from hal.replay.queue_run import QueueRun

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_gantt", "draw_utilisation", "draw_waits", "save_overview", "utilisation_steps"]

_DAY = 86_400.0


def utilisation_steps(run: QueueRun) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the processors in use as a step function.

    Parameters
    ----------
    run : QueueRun
        The schedule.

    Returns
    -------
    time : ndarray of int64, shape (n_steps,)
        Increasing, seconds.
    used : ndarray of int64, shape (n_steps,)
        Processors in use from each time to the next; the last is 0.
    """
    procs = run.workload.procs.astype(np.int64)
    time, inverse = np.unique(np.concatenate([run.start, run.end]), return_inverse=True)
    change = np.zeros(len(time), dtype=np.int64)
    np.add.at(change, inverse, np.concatenate([procs, -procs]))
    return time, np.cumsum(change)


def draw_utilisation(run: QueueRun, axes: Axes) -> None:
    """Draw the share of the machine in use over days, as means over a 300th of the time shown."""
    time, used = utilisation_steps(run)
    edges = np.linspace(time[0], max(time[-1], time[0] + 1), 301)
    work = np.concatenate([[0.0], np.cumsum(used[:-1] * np.diff(time))])
    mean = np.diff(np.interp(edges, time, work)) / np.diff(edges) / run.processors
    axes.stairs(100 * mean, (edges - time[0]) / _DAY, fill=True, color="tab:blue", alpha=0.7)
    axes.axhline(100 * run.utilisation, color="black", linewidth=0.8)
    axes.set(xlabel="days", ylabel="in use, %", ylim=(0, 105), title=f"mean {100 * run.utilisation:.1f} %")


def draw_waits(run: QueueRun, axes: Axes) -> None:
    """Draw every job's wait against its processors (waits below a minute are drawn as one)."""
    axes.scatter(run.workload.procs, np.maximum(run.wait, 60) / 3600, s=3, alpha=0.25, linewidths=0)
    axes.set(xscale="log", yscale="log", xlabel="processors", ylabel="wait, hours", title="wait against size")


def draw_gantt(run: QueueRun, axes: Axes, *, most: int = 400) -> None:
    """Draw jobs as boxes of time and processors.

    Parameters
    ----------
    run : QueueRun
        The schedule.
    axes : matplotlib.axes.Axes
        Where to draw.
    most : int
        Jobs drawn at most, those that start from the longest waiting one's submission on, in order of starts.

    Notes
    -----
    Processors are counted in the schedule, not named: each job is shown on the lowest ones free.
    """
    if most < 1:
        raise InvalidModel(f"most is {most}; draw at least 1 job")
    first = run.workload.submit[int(np.argmax(run.wait))]
    order = np.argsort(run.start, kind="stable")
    shown = order[run.end[order] > first][:most]
    boxes, colours = [], []
    for job, begin, length in _boxes(run, shown):
        left, right = run.start[job] / 3600, run.end[job] / 3600
        boxes.append([(left, begin), (right, begin), (right, begin + length), (left, begin + length)])
        colours.append(job % 10)
    collections = require("matplotlib.collections", extra="plot")
    palette = require("matplotlib", extra="plot").colormaps["tab10"]
    axes.add_collection(
        collections.PolyCollection(
            boxes, facecolors=[palette(c) for c in colours], edgecolors="white", linewidths=0.2
        )
    )
    axes.set(
        xlim=(run.start[shown].min() / 3600, run.end[shown].max() / 3600),
        ylim=(0, run.processors),
        xlabel="hours",
        ylabel="processors",
        title=f"{counted(len(shown), 'job')} around the longest wait",
    )


def _boxes(run: QueueRun, jobs: NDArray[np.int64]) -> Iterator[tuple[int, int, int]]:
    """Yield (job, first processor, how many) so that jobs that overlap in time never share a processor."""
    free = [(0, run.processors)]  # sorted, disjoint ranges
    ends: list[tuple[int, int, list[tuple[int, int]]]] = []
    for job in jobs.tolist():
        while ends and ends[0][0] <= run.start[job]:
            free = _merge(sorted(free + heapq.heappop(ends)[2]))
        needed, taken = int(run.workload.procs[job]), []
        while needed and free:
            begin, length = free.pop(0)
            used = min(length, needed)
            taken.append((begin, used))
            needed -= used
            if used < length:
                free.insert(0, (begin + used, length - used))
        heapq.heappush(ends, (int(run.end[job]), job, taken))
        for begin, length in taken:
            yield job, begin, length


def _merge(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged = ranges[:1]
    for begin, length in ranges[1:]:
        last, size = merged[-1]
        if last + size == begin:
            merged[-1] = (last, size + length)
        else:
            merged.append((begin, length))
    return merged


def save_overview(run: QueueRun, path: str | Path, *, title: str = "") -> None:
    """Write the three pictures into one file.

    Parameters
    ----------
    run : QueueRun
        The schedule, of at least one job.
    path : path-like
        The ending chooses the format: ``.png``, ``.svg`` or ``.pdf``.
    title : str
        Above all.

    Raises
    ------
    MissingExtra
        matplotlib is not installed.
    InvalidModel
        The schedule is empty, or the file cannot be written.
    """
    run = run.of_those_that_ran()
    if not len(run.start):
        raise InvalidModel("plot: no jobs have run")
    figure: Any = require("matplotlib.figure", extra="plot").Figure(figsize=(11, 8), layout="constrained")
    grid = figure.add_gridspec(2, 2)
    draw_utilisation(run, figure.add_subplot(grid[0, 0]))
    draw_waits(run, figure.add_subplot(grid[0, 1]))
    draw_gantt(run, figure.add_subplot(grid[1, :]))
    figure.suptitle(title)
    try:
        figure.savefig(path, dpi=130)
    except (OSError, ValueError) as error:
        raise InvalidModel(f"plot: cannot write {str(path)!r}: {error}") from None
