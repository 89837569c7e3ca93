"""A week of reservations: gaps beside times; and searches of a large profile against numpy's scan."""

from __future__ import annotations

import pytest

from hal.cli.bench_reserve import crowded, measure_plan, measure_search


@pytest.mark.parametrize(("count", "seconds"), [(200, 2.0), (1000, 10.0)])
def test_plan_of_a_week(benchmark, count, seconds):
    figures = benchmark.pedantic(measure_plan, (count, seconds), {"load": 0.6}, rounds=1)
    benchmark.extra_info.update(figures)
    assert figures["status"] in ("OPTIMAL", "FEASIBLE")
    assert count > 200 or figures["gap"] <= 0.05
    assert figures["cpu_s"] <= 1.1 * seconds
    if figures["list_objective"] is not None:
        assert figures["objective"] <= figures["list_objective"]


def test_search_in_100_000_steps(benchmark):
    figures = measure_search(100_000)
    profile, times, _ = crowded(100_000)
    benchmark(profile.earliest, int(times[len(times) // 3]), 3600, 390)
    benchmark.extra_info.update(figures)
    assert all(figures[f"same_{level}"] for level in (50, 90, 99))
    assert all(figures[f"times_numpy_{level}"] > 5 for level in (50, 90, 99))
