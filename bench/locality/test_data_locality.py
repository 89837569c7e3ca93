"""Placement with data locality: 100,000 tasks on 10,000 nodes with a cache each, against the same without it."""

from __future__ import annotations

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import hal
from hal.cli.bench_locality import instance
from hal.data import ContentMap, transfers
from hal.policies import BestFit, DataLocality

NODES, TASKS, DATASETS = 10_000, 100_000, 20


@pytest.mark.benchmark(group="100,000 tasks on 10,000 nodes")
@pytest.mark.parametrize("with_data", [False, True])
def test_place(benchmark: BenchmarkFixture, with_data: bool) -> None:
    made = instance(datasets=DATASETS, caches=NODES, queries=1)
    content = ContentMap(made.tree)
    names = [f"d{i}" for i in range(DATASETS)]
    ids = content.intern(names)
    change = np.zeros(len(made.dataset), np.uint8)
    content.apply(change=change, dataset=ids[made.dataset], cache=made.cache, size=made.size)
    n = len(made.tree)
    caches = np.arange(n, dtype=np.int32)
    scorers = {BestFit(): 1, DataLocality(content, caches=caches): 1} if with_data else {BestFit(): 1}
    policy = hal.Policy(scorers)
    shapes = [hal.Job("p", cpus=cpus, inputs=[name]) for cpus in (1, 2, 4, 8, 16) for name in names]
    rng = np.random.default_rng(7)
    picked = rng.integers(0, len(shapes), TASKS).astype(np.int32)
    jobs = hal.JobColumns.from_shapes(picked, shapes)

    def setup() -> tuple[tuple[hal.Cluster], dict[str, object]]:
        cluster = hal.Cluster.from_arrays(
            cpu_milli=np.full(n, 128_000), memory_mib=np.full(n, 2**19), gpu_count=np.zeros(n, np.int32)
        )
        return (cluster,), {}

    placed = benchmark.pedantic(
        lambda cluster: hal.place(cluster, jobs, policy=policy), setup=setup, rounds=2
    )
    assert (placed.status == 0).all()
    wait = transfers(content, ids[picked % DATASETS], placed.node.astype(np.int32)).micros
    benchmark.extra_info["tasks_per_second"] = TASKS / benchmark.stats["min"]
    benchmark.extra_info["mean_transfer_seconds"] = float(wait.mean() / 1e6)
