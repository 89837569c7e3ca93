"""Native scorers and filters against built-in ones, Python's, and every way of going wrong."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hal
import hal.testing
from hal import native
from tests.api.agreement import agree
from tests.native.rules import NODES, PROMISES, Fault, FewestTasks, answers, small, worlds


@given(world=worlds(), promise=PROMISES)
def test_the_same_rule_in_c_scores_as_the_built_in(
    c_scorer: Path, world: tuple[list[hal.Node], list[hal.Job]], promise: dict[str, bool]
) -> None:
    made, wanted = world
    mine = hal.NativeScorer.from_library(c_scorer, "best_fit", **promise)
    policy = hal.Policy([mine])
    assert policy._core.indexed is mine.own_state is bool(promise)
    cluster = hal.Cluster(made)
    # One task at a time: the built-in rounds each resource by itself, so near-equal nodes may tie differently.
    for job in (job for job in wanted if job.tasks == 1):
        ours, theirs = hal.place(cluster, job, policy), hal.place(cluster, job, "best_fit", apply=True)
        assert ours.status.tolist() == theirs.status.tolist()
        assert np.allclose(ours.score, theirs.score, rtol=0, atol=1e-8)


@given(world=worlds(), own_state=st.booleans())
def test_the_same_rule_in_c_decides_as_in_python(
    units: Path, world: tuple[list[hal.Node], list[hal.Job]], own_state: bool
) -> None:
    made, wanted = world
    mine = hal.NativeScorer.from_library(units, "fewest_tasks", own_state=own_state)
    twin = hal.Policy({FewestTasks(): 1, "best_fit": 1})
    assert answers(hal.Cluster(made), {mine: 1, "best_fit": 1}, wanted) == answers(
        hal.Cluster(made), twin, wanted
    )


@given(
    world=worlds(),
    faults=st.lists(st.integers(0, 4), max_size=4),
    promise=st.sampled_from(["own_state", "one_order"]),
)
def test_after_a_failure_the_index_still_agrees_with_a_scan(
    units: Path, world: tuple[list[hal.Node], list[hal.Job]], faults: list[int], promise: str
) -> None:
    made, wanted = world
    data = Fault.of(-1, "n")
    faulty = hal.NativeScorer.from_library(units, "faulty", data=data, **{promise: True})
    policy = hal.Policy({faulty: 1, "best_fit": 1})
    cluster = hal.Cluster(made)
    for at, job in enumerate(wanted):
        data.node = faults[at] if at < len(faults) else -1
        before = cluster._core.digest()
        try:
            hal.place(cluster, job, policy, apply=True)
        except hal.PolicyError:
            assert cluster._core.digest() == before
        data.node = -1
        agree(cluster, wanted, policy)


def test_a_scorer_is_shown_what_the_cluster_holds(units: Path) -> None:
    cluster = hal.Cluster(
        [
            hal.Node("a", cpus=8, memory=100, gpus=hal.gpus(2, "A", memory=16), resources={"fpga": 3}),
            hal.Node("gone", cpus=64, memory=900),
            hal.Node("b", cpus=4, memory=50, gpus=hal.gpus(1, "A", memory=16)),
            hal.Node("full", cpus=1, memory=50),
        ]
    )
    cluster.remove("gone")
    hal.place(
        cluster, hal.Job("one", cpus=2, memory=10, gpus=0.3, resources={"fpga": 1}), "best_fit", apply=True
    )
    seen = np.zeros(100, np.int64)
    scorer = hal.NativeScorer.from_library(units, "witness", data=seen)
    hal.place(cluster, hal.Job("two", cpus=1.5, memory=20, gpus=0.5, gpu_models=["A"]), hal.Policy([scorer]))
    request, rows = seen[:13].tolist(), seen[13 : 13 + 2 * 13].reshape(2, 13).tolist()
    assert request == [2, 3, 1500, 20, 0, 1, 500, 0, 1, 8000, 100, 2, 0]
    assert rows == [
        [0, 6000, 8000, 90, 100, 2, 2, 1700, 1, 1000, 1700, 1, 1],
        [2, 4000, 4000, 50, 50, 0, 1, 1000, 1, 1000, 1000, 0, 1],
    ]


def test_tasks_placed_so_far_are_told_to_scorers_of_context(units: Path) -> None:
    seen = np.zeros(100, np.int64)
    scorer = hal.NativeScorer.from_library(units, "witness", data=seen)
    hal.place(small(), hal.Job("gang", tasks=3, cpus=1), hal.Policy([scorer]))
    assert seen[12] == 2


@pytest.mark.parametrize("own_state", [True, False])
@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("n", r"scorer 'faulty' gave -?nan for node 'n2'"),
        ("r", r"scorer 'faulty' gave 1.5\d* for node 'n2'"),
        ("u", r"scorer 'faulty' gave -?nan for node 'n2'"),
        ("s", r"scorer 'faulty' returned status 3 for node 'n2'$"),
        ("w", r"scorer 'faulty' returned status -7 for node 'n0' and 3 more"),
    ],
)
def test_a_failing_scorer_is_named_with_the_node(units: Path, kind: str, words: str, own_state: bool) -> None:
    # Nodes that differ: equal empty ones share a slot of an index.
    cluster = hal.Cluster(hal.Node(f"n{i}", cpus=8 + i, memory="16GiB") for i in range(NODES))
    hal.place(cluster, hal.Job("before", cpus=1), apply=True)
    before = cluster._core.digest()
    data = Fault.of(2, kind)
    policy = hal.Policy([hal.NativeScorer.from_library(units, "faulty", own_state=own_state, data=data)])
    with pytest.raises(hal.PolicyError, match=words):
        hal.place(cluster, [hal.Job("a", cpus=1), hal.Job("b", cpus=1)], policy, apply=True)
    assert cluster._core.digest() == before
    assert cluster.jobs() == ["before"]
    data.node = -1
    assert all(p.placed for p in hal.place(cluster, [hal.Job("a", cpus=1)], policy))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("r", r"filter 'faulty_keep' gave 2 for node 'n2'"),
        ("u", r"filter 'faulty_keep' gave nothing for node 'n2'"),
        ("s", r"filter 'faulty_keep' returned status 3 for node 'n2'$"),
        ("w", r"filter 'faulty_keep' returned status -7 for node 'n0' and 3 more"),
    ],
)
def test_a_failing_filter_is_named_with_the_node(units: Path, kind: str, words: str) -> None:
    cluster = small()
    before = cluster._core.digest()
    broken = hal.NativeFilter.from_library(units, "faulty_keep", data=Fault.of(2, kind))
    with pytest.raises(hal.PolicyError, match=words):
        hal.place(cluster, hal.Job("a", cpus=1), hal.Policy(["best_fit"], filters=[broken]), apply=True)
    assert cluster._core.digest() == before


def test_a_filter_rejects_with_its_name(units: Path) -> None:
    rejecting = hal.NativeFilter.from_library(units, "faulty_keep", name="not_n2", data=Fault.of(2, "x"))
    placements = hal.place(
        small(),
        [hal.Job(f"j{i}", cpus=8) for i in range(NODES)],
        hal.Policy(["first_fit"], filters=[rejecting]),
    )
    assert [p.nodes for p in placements if p.placed] == [("n0",), ("n1",), ("n3",)]
    assert "filter 'not_n2' of the policy" in str(placements.explain("j3"))


def test_own_state_is_scored_once_for_equal_nodes_and_kept(units: Path) -> None:
    data = Fault.of(-1, "n")
    policy = hal.Policy([hal.NativeScorer.from_library(units, "faulty", own_state=True, data=data)])
    cluster = hal.Cluster.from_arrays(cpu_milli=np.full(1000, 8000), memory_mib=np.full(1000, 1024))
    for i in range(10):
        hal.place(cluster, hal.Job(f"j{i}", cpus=4), policy)
    assert data.calls <= 2, "kept until the node changes"


@settings(max_examples=10)
@given(threads=st.integers(2, 4))
def test_callbacks_into_python_need_no_gil_to_be_held(threads: int) -> None:
    def half(batch: int, scores: Any, data: Any) -> int:
        count = ctypes.cast(batch, ctypes.POINTER(ctypes.c_size_t))[2]
        for i in range(count):
            scores[i] = 0.5
        return 0

    policy = hal.Policy([hal.NativeScorer(native.SCORE_TYPE(half), name="half")])
    assert hal.place(small(), hal.Job("a", cpus=1, tasks=threads), policy)[0].placed
