"""Placement on 10,000 nodes in 100 racks, without rules and with rules at four levels."""

from __future__ import annotations

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import hal
from hal.topology import Topology

NODES, RACKS, JOBS = 10_000, 100, 20_000
WEB = {"app": "web"}
RULES = [
    hal.Spread(WEB, level="rack", max_skew=2),
    hal.Spread(WEB, level="zone", weight=0.5),
    hal.Affinity(WEB, level="site"),
    hal.AntiAffinity(WEB, level="node", weight=0.3),
]


@pytest.fixture(scope="module")
def cluster() -> hal.Cluster:
    names = [f"n{k}" for k in range(NODES)]
    domains = [("s", "site", None), *((f"z{k}", "zone", "s") for k in range(4))]
    domains += [(f"r{k}", "rack", f"z{k % 4}") for k in range(RACKS)]
    made = hal.Cluster.from_arrays(
        cpu_milli=np.full(NODES, 64_000, np.int64), memory_mib=np.full(NODES, 2**18, np.int64), names=names
    )
    made.set_topology(
        Topology(["site", "zone", "rack"], domains, {n: f"r{k % RACKS}" for k, n in enumerate(names)})
    )
    return made


@pytest.mark.benchmark(group="20,000 tasks on 10,000 nodes")
@pytest.mark.parametrize("rules", [[], RULES], ids=["no rules", "rules at four levels"])
def test_rules(benchmark: BenchmarkFixture, cluster: hal.Cluster, rules: list[hal.Spread]) -> None:
    jobs = [hal.Job(f"j{k}", cpus=1, memory=1024, labels=WEB, rules=rules) for k in range(JOBS)]
    found = benchmark(hal.place, cluster, jobs)
    assert found.counts()[hal.Status.PLACED] == JOBS
    by_rack = np.bincount(found.node % RACKS, minlength=RACKS)
    benchmark.extra_info["rack_skew"] = int(by_rack.max() - by_rack.min())
    benchmark.extra_info["tasks_per_second"] = JOBS / benchmark.stats["min"]
    if rules:
        assert by_rack.max() - by_rack.min() <= 2
