"""What the placement benchmarks place: OpenB's shapes on clusters of OpenB's node kinds, at any size."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import hal
from hal.policies import BestFit
from hal.replay.openb import Tasks, read_tasks
from hal.replay.openb.synthetic import synthetic_nodes, synthetic_tasks

#: Best fit as the published experiment has it: on CPU and GPU, truncated to hundredths.
OPENB = BestFit(weight_memory=0, scale_cpu=128_000, scale_gpu=8000, steps=100)


def tasks() -> Tasks:
    """The default trace (about 150 shapes) when there is one, else tasks drawn from its published shares."""
    folder = os.environ.get("HAL_TRACES")
    if folder:
        return read_tasks(Path(folder) / "openb" / "openb_pod_list_default.csv")
    return synthetic_tasks(8152, seed=1)


def columns(nodes: int) -> dict[str, Any]:
    """Arguments of ``Cluster.from_arrays`` for the published inventory, repeated to ``nodes`` nodes."""
    kinds = synthetic_nodes()
    rows = np.arange(nodes) % len(kinds)
    taken = kinds.take(rows)
    return {
        "cpu_milli": taken.cpu,
        "memory_mib": taken.memory,
        "gpu_count": taken.gpu_count,
        "gpu_model": taken.gpu_model,
        "models": taken.models,
    }


def arrivals(of: Tasks, count: int) -> NDArray[np.int64]:
    """Rows of the tasks in random order, with copies."""
    return np.random.Generator(np.random.PCG64(7)).integers(0, len(of), count)


def allocation(
    of: Tasks, rows: NDArray[np.int64], placements: hal.Placements, nodes: dict[str, Any]
) -> float:
    """Allocated GPUs, %."""
    capacity = 1000 * int(np.sum(nodes["gpu_count"]))
    return 100 * float(of.gpu_demand[rows][placements.status == 0].sum()) / capacity
