"""Power models and the Energy and Power scorers against plain twins."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hal
from hal.energy import PUBLISHED_GPUS, PowerCurve, PowerModel, Sleep, cluster_power
from hal.errors import InvalidModel
from hal.policies import Energy, Power
from tests.energy import power_twin as twin

REQUESTS = [(1, 0, 0), (7, 1, 300), (2, 1, 700), (3, 1, 1000), (9, 2, 1000)]


def job(name: str, cpus: int, gpus: int, milli: int) -> hal.Job:
    return hal.Job(name, cpus=cpus, gpus=gpus, gpu_share=milli / 1000 if 0 < milli < 1000 else None)


def fits(state: twin.State, cpus: int, gpus: int, milli: int) -> bool:
    return state.free_cpus >= cpus and (gpus == 0 or sum(free >= milli for free in state.free) >= gpus)


def states(cluster: hal.Cluster, nodes: list[tuple[int, str, int]]) -> list[twin.State]:
    columns = cluster.columns
    out, at = [], 0
    for i, (cpus, model, gpus) in enumerate(nodes):
        out.append(
            twin.State(
                cpus,
                int(columns.free_cpu[i]) // 1000,
                model,
                tuple(columns.gpu_free[at : at + gpus].tolist()),
            )
        )
        at += gpus
    return out


@given(
    st.lists(
        st.tuples(
            st.sampled_from([8, 33, 64, 96]), st.sampled_from(sorted(twin.IDLE_FULL)), st.integers(0, 3)
        ),
        min_size=1,
        max_size=4,
    ),
    st.lists(st.sampled_from(REQUESTS), max_size=6),
    st.sampled_from(REQUESTS),
)
def test_watts_and_scores_by_the_published_rules(
    nodes: list[tuple[int, str, int]], before: list[tuple[int, int, int]], request: tuple[int, int, int]
) -> None:
    cluster = hal.Cluster(
        [hal.Node(f"n{i}", cpus=c, gpus=hal.gpus(g, m) if g else ()) for i, (c, m, g) in enumerate(nodes)]
    )
    hal.place(cluster, [job(f"b{i}", *r) for i, r in enumerate(before)], policy="power", apply=True)
    now = states(cluster, nodes)
    assert cluster_power(cluster).tolist() == [float(twin.watts(s)) for s in now]

    fitting = [i for i, s in enumerate(now) if fits(s, *request)]
    adds = [twin.added(now[i], *request) for i in fitting]
    placed = hal.place(cluster, job("j", *request), policy="power", apply=True)
    assert len(placed[0].nodes) == (1 if fitting else 0)
    if fitting:
        scores = twin.relative(adds)
        assert placed[0].nodes == (f"n{fitting[int(scores.argmax())]}",)
        chosen = fitting[int(scores.argmax())]
        assert cluster_power(cluster)[chosen] - twin.watts(now[chosen]) == adds[int(scores.argmax())]
        cluster.release("j")
        thrifty = hal.place(cluster, job("j", *request), policy=hal.Policy([Energy()]))
        assert thrifty[0].nodes == (f"n{fitting[adds.index(min(adds))]}",)


def test_the_shipped_table_is_the_published_one() -> None:
    cluster = hal.Cluster([hal.Node(m, cpus=2, gpus=hal.gpus(1, m)) for m in PUBLISHED_GPUS])
    assert cluster_power(cluster).tolist() == [15.0 + idle for idle, _ in PUBLISHED_GPUS.values()]


def test_linear_and_piecewise_curves() -> None:
    model = PowerModel(
        socket=PowerCurve.linear(20, 100),
        cores=4,
        threads=1,
        gpus={"X": PowerCurve(((0, 10), (0.5, 110), (1, 120)))},
    )
    cluster = hal.Cluster([hal.Node("n", cpus=8, gpus=hal.gpus(1, "X"))])
    assert cluster_power(cluster, model).tolist() == [50.0]
    hal.place(cluster, hal.Job("a", cpus=5, gpus=0.25), apply=True)
    assert cluster_power(cluster, model).tolist() == [
        100.0 + 40.0 + 60.0
    ]  # a socket, a quarter of one, half way to 110


def test_an_empty_node_sleeps_and_waking_counts() -> None:
    nodes = [
        hal.Node("asleep", cpus=64, gpus=hal.gpus(4, "T4")),
        hal.Node("awake", cpus=64, gpus=hal.gpus(4, "P100")),
    ]
    model = PowerModel(sleep=[Sleep(watts=5, wake=120), Sleep(watts=30, wake=5)], most_wake=60)
    cluster = hal.Cluster(nodes)
    assert cluster_power(cluster, model).tolist() == [30.0, 30.0]  # the deeper state wakes too slowly
    pinned = hal.Job("warm", cpus=1, gpus=1, gpu_models=["P100"])
    hal.place(cluster, pinned, apply=True)
    share = hal.Job("j", cpus=1)
    assert hal.place(cluster, share, policy=hal.Policy([Energy(model=model)]))[0].nodes == ("awake",)
    assert hal.place(cluster, share, policy=hal.Policy([Energy()]))[0].nodes == ("awake",)
    task = hal.Job("k", cpus=1, gpus=1)  # 225 W on the P100s; 60 on the T4s, 145 to wake them
    assert hal.place(cluster, task, policy=hal.Policy([Energy(model=model)]))[0].nodes == ("asleep",)


def test_an_unknown_gpu_counts_as_the_hungriest() -> None:
    cluster = hal.Cluster([hal.Node("n", cpus=2, gpus=hal.gpus(1, "NEW"))])
    assert cluster_power(cluster).tolist() == [65.0]


@pytest.mark.parametrize("name", ["power", "energy", "0.1 * power + 0.9 * fgd"])
def test_by_name(name: str) -> None:
    cluster = hal.Cluster(
        [hal.Node("a", cpus=2, gpus=hal.gpus(1, "G3")), hal.Node("b", cpus=2, gpus=hal.gpus(1, "T4"))]
    )
    assert hal.place(cluster, hal.Job("j", cpus=1, gpus=1), policy=name)[0].nodes == ("b",)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: PowerCurve(((0, 5),)), "loads must run from 0 to 1"),
        (lambda: PowerCurve(((0, 5), (1, 4))), "not fall"),
        (lambda: PowerCurve(((0, 5), (0, 6), (1, 7))), "loads must rise"),
        (lambda: PowerCurve.linear(-1, 5), "watts be 0"),
        (lambda: PowerCurve.linear(0, float("nan")), "watts be 0"),
        (lambda: PowerCurve.linear(0, 2e6), "1 MW"),
        (lambda: PowerCurve("x"), "pairs of load and watts"),
        (lambda: PowerModel(cores=0), "cores = 0"),
        (lambda: PowerModel(threads=1.5), "threads = 1.5"),
        (lambda: PowerModel(gpus={}), "gpus"),
        (lambda: PowerModel(most_wake=-1), "most_wake = -1"),
        (lambda: Sleep(watts=-1, wake=0), "sleep.watts = -1"),
        (lambda: Sleep(watts=1, wake=float("nan")), "sleep.wake = nan"),
    ],
)
def test_refusals(make: object, words: str) -> None:
    with pytest.raises(InvalidModel, match=words):
        make()


def test_power_takes_the_model_too() -> None:
    assert Power(model=PowerModel(cores=8)) == Power(model=PowerModel(cores=8))
    assert hash(Power(model=PowerModel())) == hash(Power(model=PowerModel()))
