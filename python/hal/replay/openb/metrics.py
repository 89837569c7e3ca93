"""Allocation and fragmentation after each arrival, and their value at each percent of arrived demand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hal.energy import PUBLISHED_GPUS
from hal.policies import TypicalTask
from hal.replay.openb.trace import Nodes, Tasks

__all__ = ["PERCENTS", "allocation", "curve", "fragmentation", "power"]

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

#: Columns of the published files: 0 … 130 % of the cluster's GPU capacity.
PERCENTS: Final = 131


def allocation(demand: I64, placed: NDArray[np.bool_], capacity: int) -> F64:
    """Allocated GPU share after each arrival.

    Parameters
    ----------
    demand : (a,) int64, milli-GPU of each arrival
    placed : (a,) bool
    capacity : int, milli-GPU of the cluster, above 0

    Returns
    -------
    (a,) float64, % of capacity rounded to 2 decimals, as published
    """
    allocated = np.cumsum(np.where(placed, demand, 0))
    percent: F64 = np.rint(1e4 * allocated / capacity) / 100.0
    return percent


def curve(values: F64, demand: I64, capacity: int, *, percents: int = PERCENTS) -> F64:
    """Value of each column: the mean over the arrivals whose arrived demand rounds to that percent.

    Where a percent has no arrival those of both neighbours are used; NaN where they have none either.

    Returns
    -------
    (percents,) float64
    """
    column = np.rint(100.0 * np.cumsum(demand) / capacity).astype(np.int64)
    inside = column < percents + 1
    number = np.bincount(column[inside], minlength=percents + 1).astype(np.float64)
    total = np.bincount(column[inside], weights=values[inside], minlength=percents + 1)
    padded_number, padded_total = np.pad(number, 1), np.pad(total, 1)
    empty = number == 0
    number = np.where(empty, padded_number[:-2] + padded_number[2:], number)[:percents]
    total = np.where(empty, padded_total[:-2] + padded_total[2:], total)[:percents]
    mean: F64 = np.divide(total, number, out=np.full(percents, np.nan), where=number > 0)
    return mean


def fragmentation(
    nodes: Nodes,
    tasks: Tasks,
    arrivals: I64,
    node: NDArray[np.int32],
    gpus: NDArray[np.uint64],
    typical: Sequence[TypicalTask],
) -> F64:
    """Fragmentation of the cluster after each arrival (REFERENCES: ATC'23, section 4).

    Only the node of a placement changes, so each placement costs one node's fragmentation.

    Parameters
    ----------
    nodes : Nodes, in the order of ``node``
    tasks : Tasks
    arrivals : (a,) int64, rows of ``tasks``
    node : (a,) int32, index of the node, -1 where not placed
    gpus : (a,) uint64, mask of the node's devices
    typical : sequence of TypicalTask

    Returns
    -------
    (a,) float64, % of GPU capacity
    """

    def lost(row: I64, cpu: I64, free: I64) -> F64:
        return _of_states(cpu, free, nodes.gpu_model[row], nodes.models, typical)

    percent: F64 = 100.0 * _along(nodes, tasks, arrivals, node, gpus, lost) / nodes.gpu_capacity
    return percent


def power(
    nodes: Nodes, tasks: Tasks, arrivals: I64, node: NDArray[np.int32], gpus: NDArray[np.uint64]
) -> F64:
    """Watts of the cluster after each arrival: (a,) float64. Arguments as of `fragmentation`.

    Source: Lettich et al., arXiv 2412.17484: a GPU draws its full power once any of it is taken, and so does each
    socket of 16 cores; busy cores fill socket after socket.
    """
    known = [
        PUBLISHED_GPUS.get(model, max(PUBLISHED_GPUS.values(), key=lambda w: w[1])) for model in nodes.models
    ]
    idle_full = np.array(known, np.float64).reshape(-1, 2)

    def watts(row: I64, cpu: I64, free: I64) -> F64:
        cores = -(-nodes.cpu[row] // 2000)
        active = -(-(cores - cpu // 2000) // 16)
        touched = (free < 1000).sum(axis=1) - (free.shape[1] - nodes.gpu_count[row])
        gpu = idle_full[nodes.gpu_model[row]] if len(idle_full) else np.zeros((len(row), 2))
        sockets: F64 = 120.0 * active + 15.0 * (-(-cores // 16) - active)
        devices: F64 = gpu[:, 1] * touched + gpu[:, 0] * (nodes.gpu_count[row] - touched)
        return sockets + devices

    return _along(nodes, tasks, arrivals, node, gpus, watts)


def _along(
    nodes: Nodes,
    tasks: Tasks,
    arrivals: I64,
    node: NDArray[np.int32],
    gpus: NDArray[np.uint64],
    value: Callable[[I64, I64, I64], F64],
) -> F64:
    """Sum over the nodes, after each arrival, of value(node rows, free milli-CPU, free milli-GPU by device)."""
    # The states a node went through, in time: starts first, then placements grouped by node.
    when = np.flatnonzero(node >= 0)
    when = when[np.argsort(node[when], kind="stable")]
    where = node[when].astype(np.int64)
    rows = arrivals[when]
    width = int(nodes.gpu_count.max(initial=0))
    bits = (gpus[when, None] >> np.arange(width, dtype=np.uint64)) & np.uint64(1)
    drawn = _within(bits.astype(np.int64) * tasks.gpu_milli[rows, None], where)
    cpu = nodes.cpu[where] - _within(tasks.cpu[rows, None], where)[:, 0]
    whole = 1000 * (np.arange(width) < nodes.gpu_count[:, None])

    start = value(np.arange(len(nodes)), nodes.cpu, whole)
    after = value(where, cpu, whole[where] - drawn)
    before = np.concatenate([[0.0], after[:-1]]) if when.size else after
    first = np.ones(when.size, dtype=bool)
    first[1:] = where[1:] != where[:-1]
    before[first] = start[where[first]]

    change = np.zeros(arrivals.size)
    change[when] = after - before
    total: F64 = start.sum() + np.cumsum(change)
    return total


def _within(values: I64, group: I64) -> I64:
    """Cumulative sums that start again with each group; ``group`` is sorted."""
    total = np.cumsum(values, axis=0)
    if not group.size:
        return total
    starts = np.flatnonzero(np.concatenate([[True], group[1:] != group[:-1]]))
    offset = np.zeros_like(total[starts])
    offset[1:] = total[starts[1:] - 1]
    lengths = np.diff(np.append(starts, group.size))
    return total - np.repeat(offset, lengths, axis=0)


def _of_states(
    cpu: I64, free: I64, model: NDArray[np.int32], models: Sequence[str], typical: Sequence[TypicalTask]
) -> F64:
    """F of many node states: cpu (s,), free (s, devices) milli-GPU, model (s,) index."""
    rest = free.sum(axis=1)
    shares = sorted({task.gpu_milli for task in typical if task.gpus})
    fitting = {milli: (free >= milli).sum(axis=1) for milli in shares}
    scraps = {milli: np.where(free < milli, free, 0).sum(axis=1) for milli in shares}
    total = sum(task.count for task in typical)
    out = np.zeros(cpu.size)
    for task in typical:
        if task.gpus == 0:
            lost = rest
        else:
            allowed = np.array(
                [not task.gpu_models or name in task.gpu_models for name in models], dtype=bool
            )
            fits = (fitting[task.gpu_milli] >= task.gpus) & (cpu >= task.cpu) & allowed[model]
            lost = np.where(fits, scraps[task.gpu_milli], rest)
        out += task.count / total * lost
    return out
