"""The simulator's promises."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hal
from hal.errors import HalError, InvalidModel
from hal.replay import Arrivals, Contention, Failures, Sleeping, arrivals, simulate
from hal.signals import Signals

OFF: dict[str, Any] = {"contention": None, "sleep": None}


def cluster(nodes: int = 4, **node: Any) -> hal.Cluster:
    return hal.Cluster([hal.Node(f"n{i}", **({"cpus": 8, "memory": 64} | node)) for i in range(nodes)])


def jobs(times: list[float], durations: list[float], kinds: list[hal.Job]) -> Arrivals:
    rows = np.arange(len(kinds), dtype=np.int32)
    tasks = np.array([job.tasks for job in kinds], np.int32)
    columns = hal.JobColumns.from_shapes(rows, kinds, tasks=tasks)
    return Arrivals(np.array(times, float), np.array(durations, float), columns)


class Says:
    """A controller that says what it is told and remembers what it saw."""

    def __init__(self, p: Any) -> None:
        self.p, self.seen = p, list[Signals]()

    def observe(self, signals: Signals, context: Any) -> Any:
        self.seen.append(signals)
        return self.p


def test_two_jobs_by_hand() -> None:
    work = jobs([0, 1], [10, 5], [hal.Job("a", cpus=8), hal.Job("b", cpus=8)])
    run = simulate(cluster(1), work, step=1, **OFF)
    assert run.jobs["start"].tolist() == [0, 10]
    assert run.jobs["end"].tolist() == [10, 15]
    assert run.jobs["wait"].tolist() == [0, 9]
    assert run.trace["queue"].tolist() == [1.0] * 9 + [0.0] * 6
    assert run.events == 6


def test_a_crowded_node_is_slow() -> None:
    # Each of two halves meets a crowd of 1 * (1 - 1/2) and takes 1 + 1 * 0.5 ** 2 times as long.
    work = jobs([0, 0], [10, 10], [hal.Job("a", cpus=4), hal.Job("b", cpus=4)])
    crowded = Contention(strength=1, exponent=2)
    packed = simulate(cluster(2), work, p=0, contention=crowded, sleep=None)
    assert packed.jobs["end"].tolist() == [12.5, 12.5]
    assert packed.jobs["node"].tolist() == [0, 0]
    spread = simulate(cluster(2), work, p=1, contention=crowded, sleep=None)
    assert spread.jobs["end"].tolist() == [10, 10]


def test_a_sleeping_node_takes_time_to_wake_and_saves_power() -> None:
    work = jobs([0, 100], [10, 10], [hal.Job("a", cpus=8), hal.Job("b", cpus=8)])
    asleep = Sleeping(after=20, watts=3, wake=7)
    run = simulate(cluster(1), work, step=1, contention=None, sleep=asleep)
    assert run.jobs["start"].tolist() == [0, 107]
    idle, full = 15.0, 15.0 + 105 / 4  # 8 threads are 4 of a socket's 16 cores
    assert run.trace["power_w"][[0, 15, 50]].tolist() == [full, idle, 3.0]
    assert run.trace["asleep"][[15, 50, 102]].tolist() == [0, 1, 0]
    expected = 10 * full + 20 * idle + 70 * 3 + 17 * full
    assert run.energy == pytest.approx(expected)


def test_a_gang_starts_whole_and_runs_at_the_speed_of_its_slowest_node() -> None:
    kinds = [hal.Job("solo", cpus=4), hal.Job("gang", cpus=6, tasks=2), hal.Job("next", cpus=8)]
    run = simulate(cluster(2), jobs([0, 1, 2], [10, 10, 1], kinds), p=0, step=1, **OFF)
    assert run.jobs["start"].tolist()[:2] == [0, 10]
    assert run.jobs["start"][2] == 2  # the queue is greedy: it fits beside the waiting gang


def test_first_come_first_served_blocks_those_behind() -> None:
    kinds = [hal.Job("solo", cpus=4), hal.Job("gang", cpus=6, tasks=2), hal.Job("next", cpus=8)]
    run = simulate(cluster(2), jobs([0, 1, 2], [10, 10, 1], kinds), p=0, step=1, queue="fcfs", **OFF)
    assert run.jobs["start"].tolist() == [0, 10, 20]
    assert run.trace["oldest_gang"][4] == 4


def test_failures_restart_what_ran_there() -> None:
    work = arrivals.poisson(load=0.5, seconds="2h", cluster=cluster(), seed=3)
    often = Failures(mean_between="20min", repair="2min")
    run = simulate(cluster(), work, failures=often, seed=5)
    assert run.jobs["restarts"].sum() > 0
    assert run.trace["down"].max() > 0
    assert run.summary["finished"] == len(work)
    assert not np.array_equal(run.jobs["end"], simulate(cluster(), work, failures=often, seed=6).jobs["end"])


def test_what_can_never_fit_is_infeasible() -> None:
    work = jobs([0, 0], [1, 1], [hal.Job("big", cpus=9), hal.Job("wide", cpus=8, tasks=5)])
    run = simulate(cluster(), work)
    assert run.jobs["infeasible"].tolist() == [True, True]
    assert np.isnan(run.jobs["end"]).all()


def test_the_same_seed_gives_the_same_simulation_and_leaves_the_cluster() -> None:
    nodes = cluster()
    before = nodes.digest()
    work = arrivals.bursty(load=0.8, seconds="1h", cluster=nodes, seed=1)
    first, again = (simulate(nodes, work, failures=Failures(), seed=1) for _ in range(2))
    assert all(np.array_equal(first.trace[key], again.trace[key]) for key in first.trace)
    assert nodes.digest() == before


def test_a_controller_is_asked_once_a_step_and_obeyed() -> None:
    nodes = cluster(8)
    work = arrivals.poisson(load=0.6, seconds="30min", cluster=nodes, seed=1)
    says = Says(1.0)
    turned = simulate(nodes, work, p=1.0, controller=says)
    fixed = simulate(nodes, work, p=1.0)
    assert len(says.seen) == len(turned.trace["time"]) == len(turned.rules)
    for name in ("time", "sigma", "drift", "potential"):
        assert [getattr(s, name) for s in says.seen] == turned.trace[name].tolist()
    assert all(np.array_equal(turned.trace[key], fixed.trace[key]) for key in fixed.trace)
    assert simulate(nodes, work, p=0.0, controller=Says(1.0)).trace["p"].tolist()[:2] == [0.0, 1.0]


@pytest.mark.parametrize("p", [-0.1, 1.5, float("nan"), "x", None])
def test_a_controller_must_advise_a_p(p: Any) -> None:
    with pytest.raises(InvalidModel, match="controller"):
        simulate(cluster(), jobs([0], [1], [hal.Job("a", cpus=1)]), controller=Says(p))


def test_a_controller_must_not_change_the_cluster() -> None:
    class Meddles:
        def observe(self, signals: Signals, context: Any) -> float:
            with context.cluster.what_if() as trial:
                hal.place(trial, context.pending, "spread", apply=True)
            context.cluster.remove("n3")
            return 0.5

    with pytest.raises(HalError, match="what_if"):
        simulate(cluster(), jobs([0], [1], [hal.Job("a", cpus=1)]), controller=Meddles())


@pytest.mark.parametrize(
    ("field", "value"),
    [("p", 2), ("step", 0), ("queue", "lifo"), ("seed", -1), ("half_life", 0), ("until", "soon")],
)
def test_bad_settings_are_refused(field: str, value: Any) -> None:
    with pytest.raises(InvalidModel, match=field):
        simulate(cluster(), jobs([0], [1], [hal.Job("a", cpus=1)]), **{field: value})


def test_until_cuts_and_fills() -> None:
    work = jobs([0], [10], [hal.Job("a", cpus=1)])
    assert simulate(cluster(), work, until=5, step=1, **OFF).trace["running"].tolist() == [1.0] * 5
    assert len(simulate(cluster(), work, until=50, step=1, **OFF).trace["time"]) == 50
