"""100,000 pending jobs of 10,000 queues, put in fair order."""

from __future__ import annotations

import timeit

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from hal.cli.bench_quotas import CAPACITY, Instance, instance, jain
from hal.queues import order


@pytest.fixture(scope="module")
def made() -> Instance:
    return instance(10_000, 100_000)


def by_queue_and_priority(made: Instance) -> list[int]:
    return sorted(range(len(made.jobs)), key=lambda k: (made.jobs[k].queue, -made.jobs[k].priority))


@pytest.mark.benchmark(group="fair order")
def test_order(benchmark: BenchmarkFixture, made: Instance) -> None:
    found = benchmark(order, made.tree, made.jobs, capacity=CAPACITY)
    assert found.rows.size + found.waiting.size == 100_000
    benchmark.extra_info["fairness"] = jain(made, found.rows, 2_000)
    benchmark.extra_info["fairness_given_order"] = jain(made, np.arange(100_000), 2_000)
    peer = min(timeit.repeat(lambda: by_queue_and_priority(made), number=1, repeat=3))
    benchmark.extra_info["times_python_sort"] = peer / benchmark.stats["min"]
    assert benchmark.stats["min"] < 3 * peer  # it also keeps quotas, shares and guarantees


@pytest.mark.benchmark(group="fair order")
def test_python_sort(benchmark: BenchmarkFixture, made: Instance) -> None:
    """The peer: a sort by queue and priority alone, which looks at no quota and at no share."""
    benchmark(by_queue_and_priority, made)
