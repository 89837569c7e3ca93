"""The OpenB cluster and a workload like its trace, generated from published figures."""

from __future__ import annotations

import numpy as np

from hal.replay.openb.figures import NODE_KINDS, TASK_SHARES
from hal.replay.openb.trace import Nodes, Tasks

__all__ = ["synthetic_nodes", "synthetic_tasks"]


def synthetic_nodes(*, seed: int = 1) -> Nodes:
    """Return the published inventory of 1,213 nodes, its kinds mixed by a seed.

    The order matters because ties go to the node that comes first: kind after kind, FGD would fill the first kind
    with whatever comes and lose seven points of allocation.
    """
    counts = np.array([kind[4] for kind in NODE_KINDS])
    table = np.repeat(np.array([kind[1:4] for kind in NODE_KINDS], dtype=np.int64), counts, axis=0)
    models = list(dict.fromkeys(kind[0] for kind in NODE_KINDS))
    model = np.repeat(np.array([models.index(kind[0]) for kind in NODE_KINDS], dtype=np.int32), counts)
    nodes = Nodes(
        [f"openb-{row:04d}" for row in range(len(table))],
        np.ascontiguousarray(table[:, 1]),
        np.ascontiguousarray(table[:, 2]),
        table[:, 0].astype(np.int32),
        model,
        models,
    )
    return nodes.take(np.random.Generator(np.random.PCG64(seed)).permutation(len(nodes)))


def synthetic_tasks(count: int, *, seed: int) -> Tasks:
    """Draw tasks by the published shares of requests.

    Parameters
    ----------
    count : int
        1 or more.
    seed : int
        The same seed draws the same tasks, on any machine.

    Returns
    -------
    Tasks
        In random order; any GPU model will do for each.
    """
    shares = np.array([row[4] for row in TASK_SHARES])
    # Inversion by hand: numpy promises the stream of its bit generator, not of choice().
    edges = np.cumsum(shares) / shares.sum()
    draws = np.random.PCG64(seed).random_raw(count) / 2.0**64
    kind = np.minimum(np.searchsorted(edges, draws, side="right"), len(TASK_SHARES) - 1)
    columns = np.array([row[:4] for row in TASK_SHARES], dtype=np.int64)[kind]
    cpu, memory, gpus, share = (np.ascontiguousarray(columns[:, i]) for i in range(4))
    return Tasks(
        [f"task-{row:05d}" for row in range(count)],
        cpu,
        memory,
        gpus,
        share,
        np.zeros(count, np.int32),
        [()],
        [""],
    )
