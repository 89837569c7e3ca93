"""Content events and nearest sources at full size, with every answer held against a scan."""

from __future__ import annotations

import time
import timeit

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
    begin = time.perf_counter()
    source, micros, at_random = NumpyScan(made)()
    peer = time.perf_counter() - begin
    assert np.array_equal(found.source, source)
    assert np.array_equal(found.micros, micros)
    benchmark.extra_info["mean_seconds"] = float(found.micros.mean() / 1e6)
    benchmark.extra_info["mean_seconds_random_holder"] = at_random / 1e6
    benchmark.extra_info["times_numpy"] = peer / benchmark.stats["min"]
    assert benchmark.stats["min"] < peer


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
    peer = timeit.timeit(lambda: python_sets(made, k), number=1)
    benchmark.extra_info["times_python"] = peer / benchmark.stats["min"]
    assert benchmark.stats["min"] < peer


def python_sets(made: Instance, k: int) -> None:
    holders: dict[int, set[int]] = {}
    used = [0] * len(made.tree)
    rows = list(zip(made.dataset[:k].tolist(), made.cache[:k].tolist(), made.size[:k].tolist(), strict=True))
    for dataset, cache, size in rows:
        holders.setdefault(dataset, set()).add(cache)
        used[cache] += size
    for dataset, cache, size in rows:
        holders[dataset].discard(cache)
        used[cache] -= size


@pytest.mark.benchmark(group="1,000,000 content events")
def test_python_sets(benchmark: BenchmarkFixture, made: Instance) -> None:
    benchmark.extra_info["events"] = 1_000_000
    benchmark.pedantic(python_sets, (made, 500_000), rounds=3)
