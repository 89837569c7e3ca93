"""The placement half of ``hal bench locality``: tasks that read something, on nodes with a cache each."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import hal
from hal.cli.bench_locality import instance
from hal.data import ContentMap, transfers
from hal.policies import BestFit, DataLocality

__all__ = ["Workload", "measure_placement", "workload"]


class Workload(NamedTuple):
    """Jobs of a hundred shapes (five sizes, twenty inputs), and where their data is."""

    content: ContentMap
    jobs: hal.JobColumns
    dataset: NDArray[np.int32]

    def policy(self, *, with_data: bool) -> hal.Policy:
        """Best fit, with or without as much weight on data locality."""
        if not with_data:
            return hal.Policy([BestFit()])
        caches = np.arange(len(self.content.tree), dtype=np.int32)
        return hal.Policy([BestFit(), DataLocality(self.content, caches=caches)])

    def cluster(self) -> hal.Cluster:
        """One node of 128 CPUs a cache."""
        n = len(self.content.tree)
        return hal.Cluster.from_arrays(cpu_milli=np.full(n, 128_000), memory_mib=np.full(n, 2**19))

    def transfer_seconds(self, placed: hal.Placements) -> float:
        """Mean time for a task's input to reach it."""
        found = transfers(self.content, self.dataset, placed.node.astype(np.int32))
        return float(found.micros.mean() / 1e6)


def workload(nodes: int, tasks: int) -> Workload:
    """Make the jobs and the contents."""
    made = instance(datasets=20, caches=nodes, queries=1)
    content = ContentMap(made.tree)
    names = [f"d{i}" for i in range(20)]
    content.intern(names)
    change = np.zeros(len(made.dataset), np.uint8)
    content.apply(change=change, dataset=made.dataset, cache=made.cache, size=made.size)
    shapes = [hal.Job("p", cpus=cpus, inputs=[name]) for cpus in (1, 2, 4, 8, 16) for name in names]
    picked = np.random.default_rng(7).integers(0, len(shapes), tasks).astype(np.int32)
    return Workload(content, hal.JobColumns.from_shapes(picked, shapes), (picked % 20).astype(np.int32))


def measure_placement(nodes: int, tasks: int) -> dict[str, Any]:
    """Place once with data locality and once without; the figures by name."""
    work = workload(nodes, tasks)
    figures: dict[str, Any] = {"nodes": nodes, "tasks": tasks}
    for with_data, suffix in ((True, ""), (False, "_without")):
        cluster, policy = work.cluster(), work.policy(with_data=with_data)
        begin = time.perf_counter()
        placed = hal.place(cluster, work.jobs, policy=policy)
        figures[f"tasks_per_second{suffix}"] = tasks / (time.perf_counter() - begin)
        figures[f"mean_transfer_seconds{suffix}"] = work.transfer_seconds(placed)
    return figures
