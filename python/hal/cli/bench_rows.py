"""What ``hal bench place`` and ``bench/place`` time: one policy on one number of nodes and shapes.

The cluster is OpenB's published inventory, repeated; the jobs are drawn from its published shapes.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hal.cluster import Cluster
from hal.job_columns import JobColumns
from hal.model import Job
from hal.place import place
from hal.placements import Placements
from hal.policy import Policy
from hal.replay.openb.figures import TASK_SHARES
from hal.replay.openb.synthetic import synthetic_nodes

__all__ = ["Row", "Workload", "decide", "place_all", "workload", "yardstick"]

F64 = NDArray[np.float64]

#: Without a number of jobs, they ask for this much of the GPUs, so that some must be refused.
_DEMAND = 1.1


@dataclass(frozen=True)
class Workload:
    """A cluster to build and the jobs that arrive on it one by one.

    Attributes
    ----------
    nodes, shapes : int
    columns : dict
        Arguments of `Cluster.from_arrays`.
    prototypes : list of Job
        One a shape.
    jobs : JobColumns
    demand : (jobs,) int64
        milli-GPU that each job asks for.
    """

    nodes: int
    shapes: int
    columns: dict[str, Any]
    prototypes: list[Job]
    jobs: JobColumns
    demand: NDArray[np.int64]

    def cluster(self) -> Cluster:
        """Return the cluster, empty."""
        return Cluster.from_arrays(**self.columns)

    @property
    def capacity(self) -> int:
        """milli-GPU of the cluster; OpenB's nodes all have some."""
        return 1000 * int(np.sum(self.columns["gpu_count"]))


@dataclass
class Row:
    """One cell of the matrix and what its rounds measured.

    Attributes
    ----------
    policy : str
        As the user named it.
    seconds : list of float
        Of placing all jobs, by round.
    p50_us, p99_us : list of float
        Quantiles of single decisions, by round, in microseconds.
    applied_p50_us : list of float
        Median of a decision and its `Cluster.apply` together, by round, in microseconds.
    yardstick_us : list of float
        Of `yardstick`, just before each round, in microseconds: how fast the machine was then.
    bytes_per_node : float
        Of the full cluster, with what it keeps for the policy.
    allocation_percent : float
        GPUs allocated after the last job.
    placed : int
        Jobs.
    """

    policy: str
    rule: Policy
    load: Workload
    seconds: list[float] = field(default_factory=list)
    p50_us: list[float] = field(default_factory=list)
    p99_us: list[float] = field(default_factory=list)
    applied_p50_us: list[float] = field(default_factory=list)
    yardstick_us: list[float] = field(default_factory=list)
    bytes_per_node: float = 0.0
    allocation_percent: float = 0.0
    placed: int = 0

    @property
    def name(self) -> str:
        """What identifies the row among runs."""
        load = self.load
        return f"{self.policy}, {load.nodes} nodes, {load.shapes} shapes, {len(load.jobs)} jobs"

    def warm_up(self) -> None:
        """Decide once, so that what a policy compiles or refuses, it compiles or refuses now."""
        place(self.load.cluster(), self.load.prototypes[0], self.rule)

    def measure(self, decisions: int) -> None:
        """Measure one round, on fresh clusters."""
        self.yardstick_us.append(1e6 * yardstick())
        cluster = self.load.cluster()
        start = time.perf_counter()
        placements = place_all(cluster, self.load, self.rule)
        self.seconds.append(time.perf_counter() - start)
        self.note(cluster, placements)
        alone, applied = decide(self.load, self.rule, decisions)
        self.p50_us.append(1e6 * float(np.quantile(alone, 0.5)))
        self.p99_us.append(1e6 * float(np.quantile(alone, 0.99)))
        self.applied_p50_us.append(1e6 * float(np.quantile(applied, 0.5)))

    def note(self, cluster: Cluster, placements: Placements) -> None:
        """Keep the size and the quality of a round; every round has the same."""
        placed = placements.status == 0
        self.bytes_per_node = cluster._core.bytes() / self.load.nodes
        self.allocation_percent = 100 * int(self.load.demand[placed].sum()) / self.load.capacity
        self.placed = int(placed.sum())

    def extra_info(self) -> dict[str, Any]:
        """Return what pytest-benchmark keeps beside the times; medians over rounds, and the rounds themselves."""
        count = len(self.load.jobs)
        return {
            "policy": self.policy,
            "nodes": self.load.nodes,
            "shapes": self.load.shapes,
            "jobs": count,
            "placements_per_second": count / float(np.median(self.seconds)),
            "p50_us": float(np.median(self.p50_us)),
            "p99_us": float(np.median(self.p99_us)),
            "applied_p50_us": float(np.median(self.applied_p50_us)),
            "bytes_per_node": self.bytes_per_node,
            "allocation_percent": self.allocation_percent,
            "demand_percent": 100 * int(self.load.demand.sum()) / self.load.capacity,
            "placed": self.placed,
            "rounds": {
                "p50_us": self.p50_us,
                "p99_us": self.p99_us,
                "applied_p50_us": self.applied_p50_us,
                "yardstick_us": self.yardstick_us,
            },
        }


def workload(nodes: int, shapes: int, jobs: int | None = None, *, seed: int = 1) -> Workload:
    """Return OpenB's inventory repeated to ``nodes`` nodes, and jobs of ``shapes`` shapes by their published shares.

    Parameters
    ----------
    nodes : int
        1 or more.
    shapes : int
        1 … 1000. Below the published number, the most frequent; above, also the same with a little more memory.
    jobs : int, optional
        1 or more. Default: as many as ask for 110 % of the GPUs.
    seed : int
        Of the drawing; the same on any machine.
    """
    kinds = synthetic_nodes()
    taken = kinds.take(np.arange(nodes) % len(kinds))
    table = np.array([row[:4] for row in TASK_SHARES], dtype=np.int64)
    kind, variant = np.arange(shapes) % len(table), np.arange(shapes) // len(table)
    shares = np.array([row[4] for row in TASK_SHARES])[kind] / np.bincount(kind)[kind]
    asked = table[kind, 2] * table[kind, 3]
    if jobs is None:
        each = float(asked @ shares) / float(shares.sum())
        jobs = max(1, round(_DEMAND * 1000 * int(taken.gpu_count.sum()) / each))
    # As in synthetic_tasks: numpy promises the stream of its bit generator, not of choice().
    draws = np.random.PCG64(seed).random_raw(jobs) / 2.0**64
    shape = np.minimum(
        np.searchsorted(np.cumsum(shares) / shares.sum(), draws, side="right"), shapes - 1
    ).astype(np.int32)
    prototypes = [
        Job(
            f"shape-{index}",
            cpus=f"{cpu}m",
            memory=memory + 16 * more,
            gpus=gpus,
            gpu_share=f"{share}m" if gpus else None,
        )
        for index, ((cpu, memory, gpus, share), more) in enumerate(
            zip(table[kind].tolist(), variant.tolist(), strict=True)
        )
    ]
    columns = {
        "cpu_milli": taken.cpu,
        "memory_mib": taken.memory,
        "gpu_count": taken.gpu_count,
        "gpu_model": taken.gpu_model,
        "models": taken.models,
    }
    return Workload(
        nodes, shapes, columns, prototypes, JobColumns.from_shapes(shape, prototypes), asked[shape]
    )


def place_all(cluster: Cluster, load: Workload, policy: Policy) -> Placements:
    """Place all jobs one by one in one call: what throughput is measured of."""
    return place(cluster, load.jobs, policy, apply=True)


def decide(load: Workload, policy: Policy, decisions: int) -> tuple[F64, F64]:
    """Decide single jobs, one call each, on a cluster that half of the jobs are on; each decision is applied.

    Returns
    -------
    alone, applied : (decisions,) float64
        Seconds of the decision, and of the decision and its application together.
    """
    half = len(load.jobs) // 2
    cluster = load.cluster()
    if half:
        place(cluster, load.jobs.take(np.arange(half)), policy, apply=True)
    order = load.jobs.shape[(half + np.arange(decisions)) % len(load.jobs)].tolist()
    alone, applied = np.empty(decisions), np.empty(decisions)
    for index, shape in enumerate(order):
        job = replace(load.prototypes[shape], name=f"single-{index}")
        start = time.perf_counter()
        placements = place(cluster, job, policy)
        halfway = time.perf_counter()
        cluster.apply(placements)
        applied[index] = time.perf_counter() - start
        alone[index] = halfway - start
    return alone, applied


def yardstick() -> float:
    """Return the seconds of a fixed work in numpy, which no change of hal makes faster or slower."""
    column = np.arange(100_003, dtype=np.int64) * 7919 % 100_003
    start = time.perf_counter()
    for _ in range(5):
        np.argmin(np.argsort(column) + 0.5 * column)
    return time.perf_counter() - start
