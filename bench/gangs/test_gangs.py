"""Speed of gangs at scale, with their distance over the exact one beside it."""

import numpy as np
import pytest

from hal import gangs
from hal.cli.bench_gangs import CASES, half_full, large_topology


@pytest.fixture(scope="module")
def topology():
    return large_topology()


@pytest.mark.parametrize("case", CASES)
def test_512_tasks_on_16384_nodes(benchmark, topology, case):
    arguments, idle, step = CASES[case]
    free = half_full(len(topology), idle, step, np.random.default_rng(1))
    answer = benchmark(lambda: gangs.solve(topology, free=free, **arguments))
    assert answer.feasible == ("impossible" not in case)
    if answer.feasible and len(arguments["tasks"]) == 1:
        exact = gangs.solve(topology, free=free, effort=1e12, **arguments)
        benchmark.extra_info["distance_over_exact"] = answer.distance / max(exact.distance, 1)
        assert answer.distance <= 1.01 * exact.distance
