"""A bound on any plan by transport: work may be torn apart and spread over time, but not outgrow a pool."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hal._extras import require
from hal.reserve._value import Value
from hal.reserve.objective import EnergyPrice

__all__ = ["transport_bound"]

Ints = NDArray[np.int64]
#: Unit costs are whole numbers of this part.
_PART: Final = 1024
_BUCKETS: Final = 300
_STEPS: Final = np.array([1, 5, 15, 60, 300, 900, 1800, 3600, 7200, 14400, 43200, 86400], dtype=np.int64)


def transport_bound(value: Value, last: Ints, end: int) -> int:
    """Return a number that no plan's value is below.

    A request that runs from S to S + p pays the integral over its time of a rate that depends on the time alone:
    watts times price; or, for tardiness after d, w · (1 + ⌊(t - d) / p⌋) from d on, whose integral over any p
    seconds that end x after d is w · x. So its work, width times p, can be shipped to buckets of time, each of which
    holds the pool's capacity, at the least rate of the bucket. The cheapest shipment, a minimum-cost flow, is a
    bound (Bülbül, Kaminsky and Yano 2004, for one machine and tardiness).

    Parameters
    ----------
    value : Value
        The objective and its problem.
    last : (n,) int64
        Latest end of each request.
    end : int
        From here on one bucket without a limit is enough.
    """
    p = value.problem
    if value.objective == "makespan" or not len(p):
        return 0
    _, _, capacity, first, request, group, amount = p.core.compact(last)
    best, loads = 0, []
    for pool in range(len(capacity)):
        part = slice(int(first[pool]), int(first[pool + 1]))
        inside = group[part] < 0
        rows, width = request[part][inside].astype(np.int64), amount[part][inside]
        if len(rows):
            loads.append((float((p.duration[rows] * width).sum() / capacity[pool]), pool, rows, width))
    for _, pool, rows, width in sorted(loads, key=lambda load: (-load[0], load[1]))[:1]:
        best = _ship(value, int(capacity[pool]), rows, width, last[rows], end)
    return best


def _ship(value: Value, capacity: int, rows: Ints, width: Ints, last: Ints, end: int) -> int:
    p = value.problem
    release, duration = p.release[rows], p.duration[rows]
    begin = int(release.min())
    end = max(end, begin + 1)
    step = int(_STEPS[min(len(_STEPS) - 1, int(np.searchsorted(_STEPS, (end - begin) / _BUCKETS)))])
    begin -= begin % step
    edges = np.append(np.arange(begin, end + step, step), max(int(last.max()), end + 2 * step))
    left, right = edges[:-1], edges[1:]
    # Seconds of each bucket that lie in each request's window; the last bucket is as long as need be.
    inside = np.minimum(right, last[:, None]) - np.maximum(left, release[:, None])
    rate = _rates(value, rows, left, right)
    row, bucket = np.nonzero(inside > 0)
    scale = np.gcd.reduce(width)
    width, capacity = width // scale, capacity // scale
    n, m = len(rows), len(left)
    room = np.append(capacity * (right - left)[:-1], int((width * duration).sum()))
    flow: Any = require("ortools.graph.python.min_cost_flow", extra="reserve").SimpleMinCostFlow()
    flow.add_arcs_with_capacity_and_unit_cost(
        row.astype(np.int32),
        (n + bucket).astype(np.int32),
        (width[row] * inside[row, bucket]).astype(np.int64),
        (rate[row, bucket] * _PART // width[row]).astype(np.int64),
    )
    flow.add_arcs_with_capacity_and_unit_cost(
        np.arange(n, n + m, dtype=np.int32),
        np.full(m, n + m, dtype=np.int32),
        room,
        np.zeros(m, dtype=np.int64),
    )
    supply = np.append(width * duration, np.zeros(m, dtype=np.int64))
    flow.set_nodes_supplies(np.arange(n + m + 1, dtype=np.int32), np.append(supply, -supply.sum()))
    if flow.solve() != flow.OPTIMAL:
        return 0  # the windows alone cannot be kept, or sums overflow: nothing is claimed
    return int(flow.optimal_cost()) // _PART


def _rates(value: Value, rows: Ints, left: Ints, right: Ints) -> Ints:
    """Least rate of each row in each bucket: (rows, buckets) int64."""
    p = value.problem
    if isinstance(value.objective, EnergyPrice):
        times, prices = value.objective.times, value.objective.prices
        first = np.maximum(np.searchsorted(times, left, side="right") - 1, 0)
        after = np.searchsorted(times, right, side="left")
        least = [int(prices[a : max(b, a + 1)].min()) for a, b in zip(first, after, strict=True)]
        return p.watts[rows][:, None] * np.array(least, dtype=np.int64)
    late = left[None, :] - p.due[rows][:, None]
    rate: Ints = np.where(late >= 0, p.weight[rows][:, None] * (1 + late // p.duration[rows][:, None]), 0)
    return rate
