"""The index that each shape has of its own answers as the scan of every node does, at sizes of several levels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hal
from hal.policies import BestFit, PackSpread
from tests.api.agreement import agree

POLICIES = {
    "pack": [PackSpread(p=0)],
    "between": [PackSpread(p=0.4)],
    "spread": ["spread"],
    "no difference": [BestFit(scale_cpu=2000)],  # scores are cut off at 0, so that many are equal
    "a sum": {PackSpread(p=0.7): 2, "best_fit": 1},
}


def cluster_of(random: np.random.Generator, nodes: int) -> hal.Cluster:
    return hal.Cluster.from_arrays(
        cpu_milli=random.choice([4000, 8000, 16_000], nodes).astype(np.int64),
        memory_mib=random.choice([8, 16], nodes).astype(np.int64),
        gpu_count=random.integers(0, 3, nodes).astype(np.int32),
        gpu_model=np.zeros(nodes, np.int32),
        models=["A"],
    )


def shapes_of(random: np.random.Generator) -> list[hal.Job]:
    gpus = [{}, {"gpus": 1}, {"gpus": 0.3}]
    return [
        hal.Job(
            f"s{i}", cpus=float(random.integers(0, 9)) / 2, memory=int(random.integers(0, 4)), **gpus[i % 3]
        )
        for i in range(7)
    ]


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    scorers=st.sampled_from(sorted(POLICIES)),
    tie_seed=st.integers(0, 1),
    nodes=st.sampled_from([1, 15, 17, 256, 300, 4200]),
    batches=st.lists(st.sampled_from([1, 4, 5, 60, 700]), min_size=1, max_size=6),
)
def test_the_index_of_a_shape_agrees_with_the_scan(
    seed: int, scorers: str, tie_seed: int, nodes: int, batches: list[int]
) -> None:
    random = np.random.default_rng(seed)
    policy = hal.Policy(POLICIES[scorers], tie_seed=tie_seed)
    cluster, shapes = cluster_of(random, nodes), shapes_of(random)
    asked = shapes[:3]  # often; the others are caught up seldom, with many changes at once
    agree(cluster, asked, policy)
    ids = np.zeros(0, np.int64)
    for size in batches:
        rows = random.integers(0, len(shapes), size).astype(np.int32)
        placed = hal.place(cluster, hal.JobColumns.from_shapes(rows, shapes), hal.Policy(["random"]))
        given_ids = cluster.apply(placed)
        agree(cluster, asked, policy)
        ids = random.permutation(np.concatenate([ids, given_ids[given_ids >= 0]]))
        ids, ended = np.split(ids, [len(ids) // 2])
        cluster.release(ended)
        agree(cluster, asked, policy)
    agree(cluster, shapes, policy)


@pytest.mark.parametrize("nodes", [3, 5000])
def test_it_follows_a_cluster_that_fills_up_and_empties(nodes: int) -> None:
    random = np.random.default_rng(nodes)
    cluster, shapes, policy = cluster_of(random, nodes), shapes_of(random), hal.Policy([PackSpread(p=0.5)])
    rows = random.integers(0, len(shapes), 6 * nodes).astype(np.int32)
    jobs = hal.JobColumns.from_shapes(rows, shapes)
    ids = cluster.apply(hal.place(cluster, jobs, policy))
    assert 0 < int((ids >= 0).sum()) < rows.size
    agree(cluster, shapes, policy)
    cluster.release(ids[ids >= 0])
    agree(cluster, shapes, policy)
