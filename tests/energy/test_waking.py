"""What waking a sleeping node costs the Energy scorer, against a plain twin."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hal
from hal.energy import PowerModel, Sleep
from hal.errors import InvalidModel
from hal.policies import Energy, Power
from tests.energy import power_twin as twin
from tests.energy.test_energy import REQUESTS, fits, job, states

NODES = st.lists(
    st.tuples(st.sampled_from([8, 33, 64, 96]), st.sampled_from(sorted(twin.IDLE_FULL)), st.integers(0, 3)),
    min_size=1,
    max_size=5,
)


def most_added(nodes: list[tuple[int, str, int]], cpus: int, gpus: int, asleep: float) -> float:
    """Watts: two sockets more than the task fills, its devices, and the node that idling costs the most."""
    devices = [high - low for low, high in (twin.IDLE_FULL[m] for _, m, g in nodes if g)]
    idle = [twin.watts(twin.State(c, c, m, (1000,) * g)) for c, m, g in nodes]
    return (cpus // 32 + 2) * 105 + gpus * max(devices, default=0) + max(0, max(idle) - asleep)


@given(
    NODES,
    st.lists(st.sampled_from(REQUESTS), max_size=4),
    st.sampled_from(REQUESTS),
    st.sampled_from([0, 20, 200]),
    st.sampled_from([0, 30, 900]),
    st.sampled_from([None, 0, 5, 500]),
    st.sampled_from([60.0, 3600.0]),
    st.sampled_from([0.0, 1.0, 2.5]),
)
def test_the_node_that_costs_least_is_taken(
    nodes: list[tuple[int, str, int]],
    before: list[tuple[int, int, int]],
    request: tuple[int, int, int],
    asleep: int,
    wake: int,
    waking: int | None,
    run: float,
    delay: float,
) -> None:
    cluster = hal.Cluster(
        [hal.Node(f"n{i}", cpus=c, gpus=hal.gpus(g, m) if g else ()) for i, (c, m, g) in enumerate(nodes)]
    )
    for i, r in enumerate(before):
        hal.place(cluster, job(f"b{i}", *r), policy="first_fit", apply=True)
    model = PowerModel(sleep=[Sleep(watts=asleep, wake=wake, waking=waking)])
    most = most_added(nodes, request[0], request[1], asleep)
    costs = {}
    busy = {n for name in cluster.jobs() for n, _ in cluster._core.job_tasks(name)}
    for i, state in enumerate(states(cluster, nodes)):
        if not fits(state, *request):
            continue
        costs[i] = 1000 * twin.added(state, *request)
        idle = twin.watts(state)
        if i in busy or asleep >= idle:
            continue
        extra = max(0, (idle if waking is None else waking) - asleep)
        costs[i] += 1000 * (idle - asleep) + int(1000 * extra + 1000 * most * delay) * wake // int(run)
    placed = hal.place(cluster, job("j", *request), hal.Policy([Energy(model=model, run=run, delay=delay)]))
    if costs:
        assert placed[0].nodes == (f"n{min(costs, key=lambda i: (costs[i], i))}",)
    else:
        assert not placed[0].placed


def test_a_short_run_is_not_worth_waking_for() -> None:
    cluster = hal.Cluster(
        [
            hal.Node("asleep", cpus=64, gpus=hal.gpus(1, "T4")),
            hal.Node("awake", cpus=64, gpus=hal.gpus(2, "P100")),
        ]
    )
    hal.place(cluster, hal.Job("warm", cpus=1, gpus=1, gpu_models=["P100"]), apply=True)
    model = PowerModel(sleep=[Sleep(watts=5, wake=120, waking=200)])
    task = hal.Job("k", cpus=1, gpus=1)  # 225 W awake, or 60 W, 105 W of a socket and 35 W of being awake
    for scorer, node in (
        (Energy(model=model), "asleep"),
        (Energy(model=model, run=120), "awake"),
        (Energy(model=model, run=120, delay=0), "awake"),  # 195 W more for as long as it runs
        (Energy(model=model, run=1200, delay=0), "asleep"),
        (Power(model=model, run=120), "awake"),
        (Power(model=model), "asleep"),
    ):
        assert hal.place(cluster, task, hal.Policy([scorer]))[0].nodes == (node,), scorer


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Energy(run=0), "run = 0"),
        (lambda: Energy(run=float("nan")), "run"),
        (lambda: Energy(delay=-1), "delay = -1"),
        (lambda: Sleep(watts=1, wake=1, waking=-3), "sleep.waking = -3"),
    ],
)
def test_refusals(make: object, words: str) -> None:
    with pytest.raises((InvalidModel, hal.errors.PolicyError), match=words):
        make()
