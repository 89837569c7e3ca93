"""Two tasks that change places: found whenever one such exchange makes room, and made at once."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hal
from hal.errors import InvalidModel
from tests.rebalance.test_rebalance import follow, where

GPU = {"gpus": 1}
REQUESTS = [{"cpus": c, **g} for c in (1, 3, 5) for g in (GPU, {"gpu_share": 0.6, "gpus": 1}, {"gpus": 0})]
WANTS = [{"cpus": 4, "gpus": 1}, {"cpus": 6, "gpus": 0}, {"cpus": 1, "gpus": 2}]


@st.composite
def crowds(draw: st.DrawFn) -> tuple[hal.Cluster, dict[str, dict[str, float]]]:
    cluster = hal.Cluster(
        hal.Node(f"n{i}", cpus=cpus, gpus=hal.gpus(gpus, "T4"), labels={"host": f"n{i}"})
        for i, (cpus, gpus) in enumerate(
            draw(st.lists(st.tuples(st.sampled_from([4, 8, 12]), st.integers(1, 2)), min_size=2, max_size=3))
        )
    )
    requests = {f"j{i}": draw(st.sampled_from(REQUESTS)) for i in range(draw(st.integers(2, 9)))}
    for name, request in requests.items():
        hal.place(
            cluster, hal.Job(name, **request), draw(st.sampled_from(["spread", "best_fit"])), apply=True
        )
    return cluster, requests


def put(cluster: hal.Cluster, name: str, request: dict[str, float], node: str) -> bool:
    job = hal.Job(name, **request, selector={"host": node})
    return hal.place(cluster, job, "best_fit", apply=True)[0].placed


def share(request: dict[str, float]) -> float:
    return request["gpus"] * request.get("gpu_share", 1)


def exchange_helps(
    cluster: hal.Cluster, requests: dict[str, dict[str, float]], want: dict[str, float]
) -> bool:
    """By trying every two tasks on two nodes of which the one that comes asks for less."""
    running = [name for name in requests if name in cluster.jobs()]
    for out, coming in permutations(running, 2):
        here, there = where(cluster, out)[0], where(cluster, coming)[0]
        large, small = requests[out], requests[coming]
        if here == there or large == small or small["cpus"] > large["cpus"] or share(small) > share(large):
            continue
        trial = cluster.fork()
        trial.release([out, coming])
        if (
            put(trial, coming, small, here)
            and put(trial, "want", want, here)
            and put(trial, out, large, there)
        ):
            return True
    return False


@settings(max_examples=60, deadline=None)
@given(crowds(), st.sampled_from(WANTS))
def test_an_exchange_that_makes_room_is_found(
    scene: tuple[hal.Cluster, dict[str, dict[str, float]]], request: dict[str, float]
) -> None:
    cluster, requests = scene
    want = hal.Job("want", **request)
    plan = hal.rebalance(cluster, max_moves=2, want=want, policy="best_fit")
    if not plan.moves:
        fits = hal.place(cluster, want, "best_fit")[0].placed
        assert fits or not exchange_helps(cluster, requests, request)
        return
    by_hand = cluster.fork()
    follow(by_hand, plan, requests)
    cluster.apply(plan)
    for name in cluster.jobs():
        assert where(cluster, name) == where(by_hand, name)
    assert hal.place(cluster, want, "best_fit")[0].placed


def tight() -> hal.Cluster:
    cluster = hal.Cluster(
        [
            hal.Node("tight", cpus=16, gpus=hal.gpus(2, "T4")),
            hal.Node("ample", cpus=64, gpus=hal.gpus(1, "T4")),
        ]
    )
    jobs = [hal.Job("many", cpus=14, gpus=1), hal.Job("few", cpus=4, gpus=1)]
    hal.place(cluster, jobs, "first_fit", apply=True)
    return cluster


def test_both_stop_then_both_start() -> None:
    cluster = tight()
    want = hal.Job("want", cpus=8, gpus=1)
    assert not hal.rebalance(cluster, max_moves=1, want=want).moves
    assert not hal.rebalance(cluster, max_moves=2, want=want, moves_a_step=1).moves
    assert not hal.rebalance(cluster, max_moves=2, want=want, pinned=["few"]).moves
    plan = hal.rebalance(cluster, max_moves=2, want=want)
    assert [(move.job, move.target, move.step) for move in plan.moves] == [
        ("few", "tight", 0),
        ("many", "ample", 0),
    ]
    assert "at once" in str(plan)
    cluster.apply(plan)
    assert hal.place(cluster, want)[0].nodes == ("tight",)
    before = cluster.digest()
    with pytest.raises(InvalidModel, match="no longer runs where it did"):
        cluster.apply(plan)
    assert cluster.digest() == before


def test_a_task_that_a_rule_binds_does_not_change_places() -> None:
    cluster = tight()
    cluster.release("few")
    few = hal.Job("few", cpus=4, gpus=1, labels={"app": "a"}, rules=[hal.AntiAffinity({"app": "b"})])
    hal.place(cluster, few, apply=True)
    assert not hal.rebalance(cluster, max_moves=2, want=hal.Job("want", cpus=8, gpus=1)).moves
