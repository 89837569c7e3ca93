"""The index that all shapes share answers as the scan of every node does, whatever happened before."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hal
from hal.policies import BestFit, FirstFit, WorstFit
from tests.api.agreement import agree

POLICIES = {
    "best_fit": ["best_fit"],
    "worst_fit": ["worst_fit"],
    "first_fit": ["first_fit"],
    "no memory": [BestFit(weight_memory=0)],
    "a sum": {BestFit(weight_gpu=3): 2, WorstFit(weight_cpu=0): 1, FirstFit(): 0.5},
    "wide scales": [BestFit(scale_cpu=64_000, scale_memory=2**20, scale_gpu=8000)],
    "truncated": [BestFit(steps=7)],
    "truncated as OpenB": [BestFit(weight_memory=0, scale_cpu=16_000, scale_gpu=4000, steps=100)],
    "truncated, worst": [WorstFit(steps=20)],
    "narrow scales": [BestFit(scale_cpu=2000)],  # not separable: scores are cut off at 0
}


def cluster_of(random: np.random.Generator, nodes: int) -> hal.Cluster:
    """A few kinds of node, so that many are equal, and a few nodes that only objects can describe."""
    cluster = hal.Cluster.from_arrays(
        cpu_milli=random.choice([4000, 8000, 16_000], nodes).astype(np.int64),
        memory_mib=random.choice([8, 16], nodes).astype(np.int64),
        gpu_count=random.integers(0, 3, nodes).astype(np.int32) * 2,
        gpu_model=random.integers(0, 2, nodes).astype(np.int32),
        models=["A", "B"],
    )
    cluster.add(odd_node("odd0"))
    cluster.add(odd_node("odd1"))
    return cluster


def odd_node(name: str) -> hal.Node:
    return hal.Node(
        name,
        cpus=8,
        memory=16,
        gpus=hal.gpus(1, "A", memory=8) + hal.gpus(2, "B", memory=16),
        resources={"fpga": 2},
        taints=[hal.Taint("team", "x")],
        labels={"zone": "a"},
    )


def some_job(random: np.random.Generator, name: str) -> hal.Job:
    gpu = [{}, {}, {"gpus": 1}, {"gpus": 2}, {"gpus": 0.3}, {"gpus": 2, "gpu_share": 0.4}, {"gpu_memory": 5}]
    extra = [{}, {}, {}, {"resources": {"fpga": 1}}, {"selector": {"zone": "a"}}, {"gpu_models": ["B"]}]
    more = extra[random.integers(len(extra))]
    taken = gpu[random.integers(2 if "gpu_models" in more else 0, len(gpu))]
    return hal.Job(
        name,
        tasks=int(random.choice([1, 1, 1, 3])),
        cpus=float(random.integers(0, 9)) / 2,
        memory=int(random.integers(0, 4)),
        tolerations=[hal.Toleration("team", "Exists")] if random.random() < 0.5 else [],
        **taken,
        **more,
    )


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    scorers=st.sampled_from(sorted(POLICIES)),
    tie_seed=st.integers(0, 2),
    nodes=st.sampled_from([1, 8, 60]),
    steps=st.integers(1, 12),
)
def test_the_shared_order_agrees_with_the_scan(
    seed: int, scorers: str, tie_seed: int, nodes: int, steps: int
) -> None:
    random = np.random.default_rng(seed)
    policy = hal.Policy(POLICIES[scorers], tie_seed=tie_seed)
    cluster = cluster_of(random, nodes)
    probes = [some_job(random, f"p{i}") for i in range(12)]
    agree(cluster, probes, policy)
    for step in range(steps):
        match random.integers(6):
            case 0:
                cluster.add(odd_node(f"more{step}"))
            case 1:
                names = cluster.node_names()
                if names:
                    cluster.remove(names[random.integers(len(names))], evict=True)
            case 2:
                running = sorted(cluster.jobs())
                for name in random.permutation(running)[: len(running) // 2]:
                    cluster.release(str(name))
            case 3:
                cluster = cluster.fork()
            case _:
                jobs = [some_job(random, f"j{step}.{i}") for i in range(random.integers(1, 60))]
                before = hal.place(cluster, jobs, policy)  # taken back: the index has to follow that too
                agree(cluster, probes, policy)
                with cluster.what_if() as trial:
                    hal.place(trial, jobs, policy, apply=True)
                    agree(trial, probes, policy)
                assert list(hal.place(cluster, jobs, policy, apply=True)) == list(before)
        probes[random.integers(len(probes))] = some_job(random, f"q{step}")
        agree(cluster, probes, policy)


@pytest.mark.parametrize("name", ["best_fit", "worst_fit", "first_fit"])
def test_more_shapes_than_one_bank_of_the_index_serves(name: str) -> None:
    random = np.random.default_rng(5)
    cluster, policy = cluster_of(random, 300), hal.Policy([name], tie_seed=3)
    shapes = [hal.Job(f"s{cpus}", cpus=cpus / 100, memory=cpus % 3) for cpus in range(1, 401)]
    rows = random.integers(0, len(shapes), 4000).astype(np.int32)
    jobs = hal.JobColumns.from_shapes(rows, shapes)
    at_once = hal.place(cluster, jobs, policy)
    assert 0 < int((at_once.status == 0).sum()) < rows.size
    agree(cluster, shapes[::7], policy)
    for part in np.array_split(rows, 7):
        hal.place(cluster, hal.JobColumns.from_shapes(part, shapes), policy, apply=True)
        agree(cluster, shapes[::7], policy)
    again = cluster_of(np.random.default_rng(5), 300)
    hal.place(again, jobs, policy, apply=True)
    assert again.digest() == cluster.digest()
