"""Placements per second, with the allocation they reach beside them; latency, building and size.

Absolute figures depend on the machine; the bounds that are asserted are ratios, or far from noise.
"""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import hal
from bench.place.numpy_best_fit import NumpyBestFit
from bench.place.workload import OPENB, allocation, arrivals, columns, tasks
from hal.replay import openb

JOBS = 100_000
TRACES = os.environ.get("HAL_TRACES")
POLICIES = {"best_fit": hal.Policy(["best_fit"]), "best_fit, truncated": hal.Policy([OPENB])}


def best_time(work: Any, *, make: Any, rounds: int = 3) -> tuple[float, Any]:
    """Shortest time of several rounds, each on fresh input, and the last result."""
    least, result = float("inf"), None
    for _ in range(rounds):
        given = make()
        start = time.perf_counter()
        result = work(given)
        least = min(least, time.perf_counter() - start)
    return least, result


@pytest.mark.benchmark(group="best_fit, 100,000 jobs one by one")
@pytest.mark.parametrize("nodes", [10_000, 100_000])
@pytest.mark.parametrize("name", POLICIES)
def test_best_fit_columns(benchmark: BenchmarkFixture, name: str, nodes: int) -> None:
    of, given = tasks(), columns(nodes)
    rows = arrivals(of, JOBS)
    jobs, policy = hal.JobColumns.from_tasks(of, rows), POLICIES[name]
    placements = benchmark.pedantic(
        lambda cluster: hal.place(cluster, jobs, policy, apply=True),
        setup=lambda: ((hal.Cluster.from_arrays(**given),), {}),
        rounds=5,
    )
    benchmark.extra_info["placements_per_second"] = JOBS / benchmark.stats["min"]
    benchmark.extra_info["allocation_percent"] = allocation(of, rows, placements, given)


@pytest.mark.benchmark(group="best_fit, 100,000 jobs one by one")
@pytest.mark.parametrize("name", POLICIES)
def test_ten_times_the_nodes(benchmark: BenchmarkFixture, name: str) -> None:
    of = tasks()
    jobs = hal.JobColumns.from_tasks(of, arrivals(of, 50_000))  # all of them fit
    least = {}
    for nodes in (10_000, 100_000):
        given = columns(nodes)
        least[nodes], placements = best_time(
            lambda cluster: hal.place(cluster, jobs, POLICIES[name], apply=True),
            make=lambda given=given: hal.Cluster.from_arrays(**given),
        )
        assert not placements.status.any()
    benchmark.pedantic(lambda: None)
    benchmark.extra_info["cost_of_a_placement_grows_by"] = least[100_000] / least[10_000]


@pytest.mark.benchmark(group="best_fit, 100,000 jobs one by one")
@pytest.mark.parametrize("name", POLICIES)
def test_numpy_peer_gives_the_same_answers_slower(benchmark: BenchmarkFixture, name: str) -> None:
    of, given = tasks(), columns(10_000)
    rows = arrivals(of, JOBS)
    jobs = hal.JobColumns.from_tasks(of, rows)
    theirs = benchmark.pedantic(
        lambda peer: peer.place(rows),
        setup=lambda: ((NumpyBestFit(given, of, truncated="truncated" in name),), {}),
        rounds=1,
    )
    ours, placements = best_time(
        lambda cluster: hal.place(cluster, jobs, POLICIES[name], apply=True),
        make=lambda: hal.Cluster.from_arrays(**given),
    )
    assert np.array_equal(placements.node, theirs)
    ratio = benchmark.stats["min"] / ours
    benchmark.extra_info["placements_per_second"] = JOBS / benchmark.stats["min"]
    benchmark.extra_info["hal_is_faster_by"] = ratio
    assert ratio > {"best_fit": 75, "best_fit, truncated": 50}[name]  # 147 and 77 were seen


@pytest.mark.benchmark(group="OpenB, one by one")
@pytest.mark.parametrize("name", sorted({"best_fit", "fgd", "expected_waste"} & set(hal.policies.names())))
@pytest.mark.skipif(not TRACES, reason="needs $HAL_TRACES")
def test_openb(benchmark: BenchmarkFixture, name: str) -> None:
    experiment = openb.Experiment.load("default")
    runs: list[openb.Run] = []
    benchmark.pedantic(lambda: runs.append(openb.run(experiment, name, 42)), rounds=5)
    best = min(runs, key=lambda done: done.seconds)
    benchmark.extra_info["placements_per_second"] = best.arrivals / best.seconds
    benchmark.extra_info["allocation_percent"] = {str(at): float(best.allocation[at]) for at in (100, 130)}


@pytest.mark.benchmark(group="a single hal.place() with objects")
def test_single_place(benchmark: BenchmarkFixture) -> None:
    given = columns(5000)
    cluster = hal.Cluster.from_arrays(**given)
    hal.place(cluster, hal.JobColumns.from_tasks(tasks(), arrivals(tasks(), 5000)), apply=True)
    job = hal.Job("one", cpus=4, memory="8GiB")
    placements = benchmark(hal.place, cluster, job)
    assert placements[0].placed
    # The same decision, alone and as one of many in a call: the difference is the border.
    easy = hal.Job("easy", memory=1)
    many = hal.JobColumns.from_shapes(np.zeros(1000, np.int32), [easy])
    inside, _ = best_time(lambda of: hal.place(of, many, "first_fit"), make=lambda: cluster, rounds=100)
    alone, _ = best_time(
        lambda of: [hal.place(of, easy, "first_fit") for _ in range(1000)], make=lambda: cluster, rounds=100
    )
    benchmark.extra_info["border_microseconds"] = (alone - inside) / 1000 * 1e6
    assert benchmark.stats["median"] < 20e-6


@pytest.mark.benchmark(group="building")
def test_build_from_columns(benchmark: BenchmarkFixture) -> None:
    given = columns(10_000)
    assert len(benchmark(lambda: hal.Cluster.from_arrays(**given))) == 10_000
    assert benchmark.stats["min"] < 0.02


@pytest.mark.benchmark(group="building")
def test_a_million_nodes_fit_in_a_gibibyte(benchmark: BenchmarkFixture) -> None:
    given = columns(1_000_000)
    cluster = benchmark.pedantic(lambda: hal.Cluster.from_arrays(**given), rounds=1)
    hal.place(cluster, hal.JobColumns.from_tasks(tasks()), apply=True)
    benchmark.extra_info["bytes"] = cluster._core.bytes()
    assert cluster._core.bytes() < 2**30
