"""Plans on 300 nodes of eight GPUs: whom to stop, and what to move."""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import hal
from hal.cli.bench_plans import URGENT, WANTED, filled, measure

NODES = 300


@pytest.mark.benchmark(group="plans")
def test_preempt(benchmark: BenchmarkFixture) -> None:
    cluster = filled(NODES)
    plan = benchmark.pedantic(hal.preempt, (cluster, URGENT), rounds=3)
    benchmark.extra_info["stopped"] = len(plan.victims)
    assert plan.status is hal.Status.PLACED


@pytest.mark.benchmark(group="plans")
def test_rebalance(benchmark: BenchmarkFixture) -> None:
    cluster = filled(NODES, share=0.8)
    plan = benchmark.pedantic(
        lambda: hal.rebalance(cluster, max_moves=30, want=WANTED, policy="best_fit"), rounds=3
    )
    benchmark.extra_info["gain"] = plan.gain


def test_against_the_peer() -> None:
    """The lowest priorities first disturb many more."""
    figures = measure(NODES, 30, 1, 1)
    assert figures["preempt_stops"] < figures["lowest_first_stops"]
    assert figures["wanted_placed_after"] >= figures["wanted_placed_before"]
