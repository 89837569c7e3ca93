"""The placement half of ``hal bench locality``: tasks that read something, on nodes with a cache each."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import hal
from hal.cli.bench_locality import instance
from hal.data import ContentMap, transfers
from hal.policies import BestFit, DataLocality, TopologyDistance
from hal.topology import Topology

__all__ = ["Workload", "measure_everything", "measure_placement", "workload"]


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


#: As in ``bench_locality``'s tree of caches: nodes of a rack are neighbours by index.
_RACK = 40


def measure_everything(nodes: int, tasks: int) -> dict[str, Any]:
    """Place jobs of one to three tasks by fit, data, distance and affinity together, and by fit alone."""
    work = workload(nodes, tasks)
    racks = -(-nodes // _RACK)
    domains: list[tuple[str, str, str | None]] = [("s", "site", None)]
    domains += [(f"b{k}", "block", "s") for k in range(-(-racks // 16))]
    domains += [(f"r{k}", "rack", f"b{k // 16}") for k in range(racks)]
    names = [f"n{k}" for k in range(nodes)]
    tree = Topology(["site", "block", "rack"], domains, {n: f"r{k // _RACK}" for k, n in enumerate(names)})
    apps = [f"app{k}" for k in range(5)]
    shapes = [
        hal.Job(
            "p",
            cpus=cpus,
            inputs=[f"d{k}"],
            labels={"app": app},
            rules=[hal.Affinity({"app": app}, level="rack", weight=0.5)],
        )
        for cpus, app in zip((1, 2, 4, 8, 16), apps, strict=True)
        for k in range(20)
    ]
    draw = np.random.default_rng(11)
    counts = draw.integers(1, 4, tasks).astype(np.int32)
    rows = int(np.searchsorted(np.cumsum(counts), tasks)) + 1
    jobs = hal.JobColumns.from_shapes(
        draw.integers(0, len(shapes), rows).astype(np.int32), shapes, tasks=counts[:rows]
    )
    caches = np.arange(nodes, dtype=np.int32)
    together = hal.Policy([BestFit(), DataLocality(work.content, caches=caches), TopologyDistance()])
    figures: dict[str, Any] = {}
    for policy, suffix in ((together, "together"), (hal.Policy([BestFit()]), "fit_alone")):
        cluster = hal.Cluster.from_arrays(
            cpu_milli=np.full(nodes, 128_000), memory_mib=np.full(nodes, 2**19), names=names
        )
        cluster.set_topology(tree)
        given = (
            jobs
            if policy is together
            else hal.JobColumns.from_shapes(jobs.shape, _bare(shapes), tasks=jobs.tasks)
        )
        begin = time.perf_counter()
        placed = hal.place(cluster, given, policy=policy)
        seconds = time.perf_counter() - begin
        figures[f"tasks_per_second_{suffix}"] = placed.node.size / seconds
        figures[f"mean_racks_a_job_{suffix}"] = _racks(placed)
    return figures


def _bare(shapes: list[hal.Job]) -> list[hal.Job]:
    return [hal.Job("p", cpus=job.cpus) for job in shapes]


def _racks(placed: hal.Placements) -> float:
    """Mean number of racks of a job of several tasks."""
    begin, rack = placed.task_begin, placed.node // _RACK
    several = np.flatnonzero(np.diff(begin) > 1)
    return float(np.mean([np.unique(rack[begin[j] : begin[j + 1]]).size for j in several]))
