"""100,000 pending jobs of 10,000 queues, put in fair order."""

from __future__ import annotations

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from hal.cli.bench_quotas import CAPACITY, Instance, instance, jain
from hal.queues import order


@pytest.fixture(scope="module")
def made() -> Instance:
    return instance(10_000, 100_000)


@pytest.mark.benchmark(group="fair order")
def test_order(benchmark: BenchmarkFixture, made: Instance) -> None:
    found = benchmark(order, made.tree, made.jobs, capacity=CAPACITY)
    assert found.rows.size + found.waiting.size == 100_000
    benchmark.extra_info["fairness"] = jain(made, found.rows, 2_000)
    benchmark.extra_info["fairness_given_order"] = jain(made, np.arange(100_000), 2_000)
    assert benchmark.stats["min"] < 0.1


@pytest.mark.benchmark(group="fair order")
def test_python_sort(benchmark: BenchmarkFixture, made: Instance) -> None:
    """The peer: a sort by queue and priority alone, which looks at no quota and at no share."""
    benchmark(
        lambda: sorted(range(len(made.jobs)), key=lambda k: (made.jobs[k].queue, -made.jobs[k].priority))
    )
