"""The same rule, best fit, built in, in C, in Cython, in numba, and as a loop over the nodes in Python.

Speeds are parts of the built-in's in the same run, and all of them place as many (near-equal nodes may tie
differently, as the built-in rounds each resource by itself).
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import hal
from bench.place.workload import arrivals, columns, tasks

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "native"
NODES, JOBS, LOOPED = 2000, 20_000, 200


class PythonLoop:
    """Best fit as one writes it first: a loop over the nodes."""

    name = "best_fit"

    def __init__(self, given: dict[str, Any]) -> None:
        gpus = 1000 * int(np.max(given["gpu_count"]))
        self.largest = int(np.max(given["cpu_milli"])), int(np.max(given["memory_mib"])), gpus

    def score(self, job: Any, nodes: Any) -> Any:
        cpu, memory, gpu = self.largest
        free_cpu, free_memory, free_gpu = nodes.free_cpu, nodes.free_memory, nodes.gpu_total_free
        scores = np.empty(len(nodes))
        for i in range(len(nodes)):
            left = (int(free_cpu[i]) - job.cpu) / cpu + (int(free_memory[i]) - job.memory) / memory
            left += (int(free_gpu[i]) - job.gpus * job.gpu_milli) / gpu
            scores[i] = min(max(1 - left / 3, 0.0), 1.0)
        return scores


def native(way: str, folder: Path) -> hal.NativeScorer:
    """Build the example and return its scorer."""
    project = shutil.copytree(EXAMPLES / f"{way}_scorer", folder / way)
    if way == "c":
        environment = os.environ | {"PYTHON": sys.executable}
        subprocess.run(["sh", project / "build.sh", folder], check=True, env=environment)
        return hal.NativeScorer.from_library(folder / "libbest_fit.so", "best_fit", one_order=True)
    stem = f"best_fit_{way}"
    if way == "cython":
        build = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
        subprocess.run(build, cwd=project, check=True)
    source = next(path for path in project.glob(f"{stem}*") if path.suffix in {".so", ".py"})
    spec = importlib.util.spec_from_file_location(stem, source)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if way == "cython":
        return hal.NativeScorer.from_module(module, "best_fit", one_order=True)
    return hal.NativeScorer(module.best_fit, one_order=True)


def placed(given: dict[str, Any], jobs: hal.JobColumns, policy: hal.Policy) -> tuple[float, Any]:
    """CPU seconds of placing the jobs on a new cluster, and where they went."""
    cluster = hal.Cluster.from_arrays(**given)
    start = time.process_time()
    placements = hal.place(cluster, jobs, policy, apply=True)
    return time.process_time() - start, placements.node


def speed(given: dict[str, Any], jobs: hal.JobColumns, policy: hal.Policy, rounds: int) -> float:
    """Speed as a part of the built-in's: the two take turns, and the best of each counts."""
    mine, built_in = [], []
    for _ in range(rounds):
        theirs, expected = placed(given, jobs, hal.Policy(["best_fit"]))
        ours, answer = placed(given, jobs, policy)
        assert abs(int((answer >= 0).sum()) - int((expected >= 0).sum())) <= 0.01 * len(expected)
        mine.append(ours)
        built_in.append(theirs)
    return min(built_in) / min(mine)


@pytest.mark.benchmark(group="best fit written by a stranger")
@pytest.mark.parametrize("way", ["c", "cython", "numba"])
def test_native(benchmark: BenchmarkFixture, way: str, tmp_path: Path) -> None:
    of, given = tasks(), columns(NODES)
    jobs = hal.JobColumns.from_tasks(of, arrivals(of, JOBS))
    policy = hal.Policy([native(way, tmp_path)])
    ratio = benchmark.pedantic(speed, args=(given, jobs, policy, 5), rounds=1)
    benchmark.extra_info["speed_of_the_built_in"] = ratio
    print(f"{way}: {ratio:.2f} x the built-in")
    assert ratio >= 0.5


@pytest.mark.benchmark(group="best fit written by a stranger")
def test_python_loop(benchmark: BenchmarkFixture) -> None:
    of, given = tasks(), columns(NODES)
    jobs = hal.JobColumns.from_tasks(of, arrivals(of, LOOPED))
    ratio = benchmark.pedantic(speed, args=(given, jobs, hal.Policy([PythonLoop(given)]), 1), rounds=1)
    benchmark.extra_info["speed_of_the_built_in"] = ratio
    print(f"Python loop: {ratio:.4f} x the built-in")
    assert ratio <= 0.05
