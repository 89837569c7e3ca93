"""Placement with data locality: 100,000 tasks on 10,000 nodes with a cache each, against the same without it."""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import hal
from hal.cli.bench_locality_place import measure_everything, workload

TASKS = 100_000


@pytest.mark.benchmark(group="100,000 tasks on 10,000 nodes")
@pytest.mark.parametrize("with_data", [False, True])
def test_place(benchmark: BenchmarkFixture, with_data: bool) -> None:
    work = workload(10_000, TASKS)
    policy = work.policy(with_data=with_data)

    def setup() -> tuple[tuple[hal.Cluster], dict[str, object]]:
        return (work.cluster(),), {}

    placed = benchmark.pedantic(
        lambda cluster: hal.place(cluster, work.jobs, policy=policy), setup=setup, rounds=2
    )
    assert (placed.status == 0).all()
    benchmark.extra_info["tasks_per_second"] = TASKS / benchmark.stats["min"]
    benchmark.extra_info["mean_transfer_seconds"] = work.transfer_seconds(placed)


def test_everything_together() -> None:
    """Fit, data, distance and affinity in one policy: jobs of several tasks stay in fewer racks."""
    figures = measure_everything(10_000, 20_000)
    assert figures["mean_racks_a_job_together"] <= figures["mean_racks_a_job_fit_alone"]
    assert figures["tasks_per_second_together"] > figures["tasks_per_second_fit_alone"] / 100
