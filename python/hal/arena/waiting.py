"""How long tasks wait under a policy: the requests of a trace arrive over time, run for a while and leave."""

from __future__ import annotations

import heapq
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hal.job_columns import JobColumns
from hal.place import place
from hal.policy import Policy
from hal.replay.openb import Experiment

__all__ = ["waits"]

#: Share of the GPUs that the arriving work asks for: enough to make queues, little enough to drain them.
LOAD: Final = 0.95
#: Tasks at the head of the queue that each event tries; the rest waits in order.
TRIED: Final = 64
#: Nodes taken from the trace's list, evenly: few enough that some hundred tasks come and go several times over.
NODES: Final = 12


def waits(experiment: Experiment, policy: Policy, seed: int, *, jobs: int = 600) -> NDArray[np.float64]:
    """Replay tasks that arrive at random and run for random times.

    Requests are the trace's, in the order of the seed. Arrivals are Poisson, run times lognormal with a mean of an
    hour, the same for every policy. The queue is in order of arrival; what does not fit is passed over.

    Returns
    -------
    (k,) float64, seconds
        Of the tasks that can run on this cluster.

    Notes
    -----
    The trace itself records tasks that stay; these times are drawn, not measured.
    """
    rng = np.random.default_rng(seed)
    arrivals, order = experiment.order(seed)
    nodes = experiment.nodes.take(order[:: max(len(order) // NODES, 1)])
    cluster = nodes.cluster()
    rows = arrivals[:jobs]
    runs = rng.lognormal(np.log(3600) - 0.5, 1.0, rows.size)
    work = float((experiment.tasks.gpu_demand[rows] * runs).sum())
    gap = work / rows.size / (LOAD * max(nodes.gpu_capacity, 1))
    times = np.cumsum(rng.exponential(max(gap, 1e-9), rows.size))

    waited = np.full(rows.size, np.nan)
    ends: list[tuple[float, int]] = []
    queue: list[int] = []
    coming = 0
    while coming < rows.size or (queue and ends):
        now = min(times[coming] if coming < rows.size else np.inf, ends[0][0] if ends else np.inf)
        while ends and ends[0][0] <= now:
            cluster.release(np.array([heapq.heappop(ends)[1]]))
        while coming < rows.size and times[coming] <= now:
            queue.append(coming)
            coming += 1
        tried = queue[:TRIED]
        if not tried:
            continue
        placements = place(cluster, JobColumns.from_tasks(experiment.tasks, rows[tried]), policy)
        ids, status = cluster.apply(placements), placements.status
        for at, job in enumerate(tried):
            if status[at] == 0:
                waited[job] = now - times[job]
                heapq.heappush(ends, (now + runs[job], int(ids[at])))
        queue = [job for at, job in enumerate(tried) if status[at] == 1] + queue[TRIED:]
    finite: NDArray[np.float64] = waited[np.isfinite(waited)]
    return finite
