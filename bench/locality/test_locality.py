"""Content events and nearest sources at full size, with every answer held against a scan."""

from __future__ import annotations

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from hal.cli.bench_locality import Instance, NumpyScan, filled, instance
from hal.data import ContentMap, transfers


@pytest.fixture(scope="module")
def made() -> Instance:
    return instance(datasets=1_000_000, caches=10_000, queries=100_000)


@pytest.fixture(scope="module")
def content(made: Instance) -> ContentMap:
    return filled(made)


@pytest.mark.benchmark(group="100,000 nearest sources")
def test_transfers(benchmark: BenchmarkFixture, made: Instance, content: ContentMap) -> None:
    found = benchmark(transfers, content, made.asked, made.at)
    source, micros, at_random = NumpyScan(made)()
    assert np.array_equal(found.source, source)
    assert np.array_equal(found.micros, micros)
    benchmark.extra_info["mean_seconds"] = float(found.micros.mean() / 1e6)
    benchmark.extra_info["mean_seconds_random_holder"] = at_random / 1e6
    assert benchmark.stats["min"] < 0.1


@pytest.mark.benchmark(group="100,000 nearest sources")
def test_numpy_scan(benchmark: BenchmarkFixture, made: Instance) -> None:
    benchmark.pedantic(NumpyScan(made), rounds=3)


@pytest.mark.benchmark(group="1,000,000 content events")
def test_events(benchmark: BenchmarkFixture, made: Instance, content: ContentMap) -> None:
    k = 500_000
    columns = {"dataset": made.dataset[:k], "cache": made.cache[:k], "size": made.size[:k]}

    def leave_and_return() -> None:
        for change in (1, 0):
            content.apply(change=np.full(k, change, np.uint8), **columns)

    benchmark.pedantic(leave_and_return, rounds=5)
    assert benchmark.stats["min"] < 1.0  # at least 1,000,000 events a second


@pytest.mark.benchmark(group="1,000,000 content events")
def test_python_sets(benchmark: BenchmarkFixture, made: Instance) -> None:
    k = 500_000
    rows = list(zip(made.dataset[:k].tolist(), made.cache[:k].tolist(), made.size[:k].tolist(), strict=True))

    def leave_and_return() -> None:
        holders: dict[int, set[int]] = {}
        used = [0] * len(made.tree)
        for dataset, cache, size in rows:
            holders.setdefault(dataset, set()).add(cache)
            used[cache] += size
        for dataset, cache, size in rows:
            holders[dataset].discard(cache)
            used[cache] -= size

    benchmark.extra_info["events"] = 2 * k
    benchmark.pedantic(leave_and_return, rounds=3)
