"""Speed of gangs at scale, with their distance over the exact one beside it."""

import numpy as np
import pytest

import hal
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


@pytest.mark.parametrize("policy", ["best_fit", "fgd"])
def test_512_tasks_through_place(benchmark, topology, policy):
    # Nodes with 0 to 8 GPUs stand for nodes of 8 on average half full.
    gpus = np.random.default_rng(1).integers(0, 9, len(topology)).astype(np.int32)
    n = len(gpus)
    cluster = hal.Cluster.from_arrays(
        cpu_milli=np.full(n, 128_000),
        memory_mib=np.full(n, 2**20),
        gpu_count=gpus,
        gpu_model=np.zeros(n, np.int32),
        gpu_memory=np.full(n, 80 * 1024),
        models=["H100"],
        names=topology.nodes,
    )
    cluster.set_topology(topology)
    job = hal.Job("train", tasks=512, cpus=8, gpus=1, gang=hal.Gang(preferred="pod"))
    placements = benchmark(lambda: hal.place(cluster, job, policy=policy))
    assert placements[0].placed
    alone = gangs.solve(topology, [512], [[1]], gpus[:, None], preferred="pod")
    at = [topology.index(node) for node in placements[0].nodes]
    assert topology.distances(np.array(at)).sum() // 2 == alone.distance
