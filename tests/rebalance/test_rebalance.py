from __future__ import annotations

from itertools import groupby
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hal
from hal.errors import InvalidModel
from tests.rebalance.rebalance_twin import best_single_move, fragmented, room

JOBS = [
    {"cpus": 1, "gpus": 0.3},
    {"cpus": 1, "gpus": 0.5},
    {"cpus": 2, "gpus": 0.6},
    {"cpus": 3, "gpus": 0},
    {"cpus": 1, "gpus": 1},
    {"cpus": 1, "gpus": 2},
]
WANTS = [{"cpus": 1, "gpus": 1}, {"cpus": 1, "gpus": 2}, {"cpus": 3, "gpus": 0}, {"cpus": 1, "gpus": 0.7}]


@st.composite
def clusters(draw: st.DrawFn) -> tuple[hal.Cluster, dict[str, dict[str, Any]]]:
    """Spread-out jobs, some of which have left: holes everywhere."""
    cluster = hal.Cluster(
        hal.Node(f"n{i}", cpus=draw(st.sampled_from([3, 6])), gpus=hal.gpus(draw(st.integers(0, 2)), "T4"))
        for i in range(draw(st.integers(1, 4)))
    )
    requests = {f"j{i}": draw(st.sampled_from(JOBS)) for i in range(draw(st.integers(0, 9)))}
    for name, request in requests.items():
        hal.place(cluster, hal.Job(name, **request), "spread", apply=True)
    for name in cluster.jobs():
        if draw(st.integers(0, 3)) == 0:
            cluster.release(name)
    return cluster, requests


def where(cluster: hal.Cluster, job: str) -> tuple[str, tuple[int, ...]]:
    node, mask = cluster._core.job_tasks(job)[0]
    return cluster._core.name_of(node), tuple(i for i in range(64) if mask >> i & 1)


def follow(cluster: hal.Cluster, plan: hal.Rebalance, requests: dict[str, dict[str, Any]]) -> None:
    """Make the steps one by one by hand; binding refuses what does not fit."""
    assert [move.step for move in plan.moves] == sorted(move.step for move in plan.moves)
    for _, group in groupby(plan.moves, key=lambda move: move.step):
        moves = list(group)
        for move in moves:
            assert where(cluster, move.job) == (move.source, move.source_gpus)
            assert (move.source, move.source_gpus) != (move.target, move.target_gpus)
            cluster.release(move.job)
        for move in moves:
            shape = hal.Job(move.job, **requests[move.job])._handle.shape
            cluster._core.bind(move.job, shape, [(move.target, sum(1 << g for g in move.target_gpus))], 0)
        if len(moves) > 1:  # they change places
            assert [(m.source, m.target) for m in moves] == [(m.target, m.source) for m in reversed(moves)]


@settings(max_examples=80, deadline=None)
@given(clusters(), st.lists(st.sampled_from(WANTS), min_size=1, max_size=4), st.integers(0, 4))
def test_every_move_fits_in_its_turn_and_wanted_tasks_find_room(
    scene: tuple[hal.Cluster, dict[str, dict[str, Any]]], wants: list[dict[str, Any]], most: int
) -> None:
    cluster, requests = scene
    want = [hal.Job(f"w{i}", **request) for i, request in enumerate(wants)]
    before = cluster.digest()
    plan = hal.rebalance(cluster, max_moves=most, want=want, policy="best_fit")
    assert cluster.digest() == before
    assert len(plan) <= most
    assert plan.gain >= 0
    assert (plan.gain > 0) == (plan.wanted > 0) == bool(plan.moves)
    had = room(cluster, want)
    by_hand = cluster.fork()
    follow(by_hand, plan, requests)
    cluster.apply(plan)
    assert [where(cluster, job) for job in sorted(cluster.jobs())] == [
        where(by_hand, job) for job in sorted(by_hand.jobs())
    ]
    if plan.moves:
        assert room(cluster, want) >= plan.wanted + (had if len(want) == 1 else 0)


@settings(max_examples=60, deadline=None)
@given(clusters(), st.integers(0, 4))
def test_moves_for_the_typical_tasks_remove_fragmentation(
    scene: tuple[hal.Cluster, dict[str, dict[str, Any]]], most: int
) -> None:
    cluster, requests = scene
    plan = hal.rebalance(cluster, max_moves=most, policy="best_fit")
    assert plan.before == pytest.approx(fragmented(cluster, requests))
    by_hand = cluster.fork()
    follow(by_hand, plan, requests)
    cluster.apply(plan)
    assert plan.after == pytest.approx(fragmented(cluster, requests))
    assert plan.gain == pytest.approx(plan.before - plan.after)
    assert plan.gain >= 0
    assert (plan.gain > 0) == bool(plan.moves)


@settings(max_examples=60, deadline=None)
@given(clusters(), st.sampled_from(WANTS))
def test_the_first_move_is_the_best_one(
    scene: tuple[hal.Cluster, dict[str, dict[str, Any]]], request: dict[str, Any]
) -> None:
    cluster, requests = scene
    want = hal.Job("want", **request)
    plan = hal.rebalance(cluster, max_moves=1, want=[want] * 3, policy="best_fit")
    assert plan.gain == pytest.approx(best_single_move(cluster, requests, want, 3, "best_fit"), abs=1e-4)


def test_columns_and_jobs_are_wanted_alike() -> None:
    cluster = hal.Cluster([hal.Node(f"n{i}", cpus=8, gpus=hal.gpus(2, "T4")) for i in range(2)])
    hal.place(cluster, [hal.Job(f"j{i}", cpus=1, gpus=0.4) for i in range(4)], "spread", apply=True)
    job = hal.Job("want", cpus=1, gpus=2)
    columns = hal.JobColumns.from_shapes(np.zeros(1, dtype=np.int32), [job])
    by_job, by_column = (hal.rebalance(cluster, max_moves=4, want=want) for want in (job, columns))
    assert by_job.moves == by_column.moves
    assert len(by_job) == 2


def test_pinned_jobs_and_gangs_stay() -> None:
    cluster = hal.Cluster([hal.Node(f"n{i}", cpus=8, gpus=hal.gpus(1, "T4")) for i in range(2)])
    hal.place(cluster, hal.Job("gang", tasks=2, cpus=1, gpus=0.4), "spread", apply=True)
    want = hal.Job("want", cpus=1, gpus=1)
    assert not hal.rebalance(cluster, max_moves=2, want=want).moves
    cluster.release("gang")
    hal.place(cluster, [hal.Job(name, cpus=1, gpus=0.4) for name in "ab"], "spread", apply=True)
    assert [m.job for m in hal.rebalance(cluster, max_moves=2, want=want, pinned=["a"]).moves] == ["b"]
    assert not hal.rebalance(cluster, max_moves=2, want=want, pinned=["a", "b"]).moves


def test_a_plan_is_refused_once_a_job_has_moved() -> None:
    cluster = hal.Cluster([hal.Node(f"n{i}", cpus=8, gpus=hal.gpus(1, "T4")) for i in range(2)])
    hal.place(cluster, [hal.Job(name, cpus=1, gpus=0.4) for name in "ab"], "spread", apply=True)
    plan = hal.rebalance(cluster, max_moves=2, want=hal.Job("want", cpus=1, gpus=1))
    cluster.apply(plan)
    before = cluster.digest()
    with pytest.raises(InvalidModel, match="no longer runs where it did"):
        cluster.apply(plan)
    assert cluster.digest() == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_moves": -1}, "max_moves: -1 is negative"),
        ({"max_moves": 1.5}, "max_moves = 1.5"),
        ({"max_moves": 1, "moves_a_step": 0}, "moves_a_step: 0"),
        ({"max_moves": 1, "pinned": ["nobody"]}, "pinned: 'nobody' is no running job"),
        ({"max_moves": 1, "want": [3]}, r"want\[0\] = 3"),
    ],
)
def test_bad_options_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidModel, match=message):
        hal.rebalance(hal.Cluster(), **options)
