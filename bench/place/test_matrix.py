"""The rows of ``hal bench place``, under pytest-benchmark: built-in policies on nodes × shapes."""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from hal.cli.bench_place import matrix
from hal.cli.bench_rows import place_all

ROWS = matrix(["best_fit", "fgd"], [1000, 10_000], [16, 151])


@pytest.mark.benchmark(group="hal bench place")
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_row(benchmark: BenchmarkFixture, row) -> None:
    row.warm_up()
    clusters = []

    def fresh():
        clusters.append(row.load.cluster())
        return (clusters[-1], row.load, row.rule), {}

    placements = benchmark.pedantic(place_all, setup=fresh, rounds=5)
    row.note(clusters[-1], placements)
    row.seconds.extend(benchmark.stats.stats.data)
    row.measure(200)
    benchmark.extra_info.update(row.extra_info())
    assert row.allocation_percent > 85  # of 110 % asked; 90 and more were seen
