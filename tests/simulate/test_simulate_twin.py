"""The simulator against its plain twin, event by event."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hal
from hal.replay import Arrivals, Contention, Failures, Sleeping, simulate
from tests.simulate.simulate_twin import Twin

KINDS = [
    hal.Job("small", cpus=2, memory=4),
    hal.Job("thin", cpus=1, memory=20),
    hal.Job("gpu", cpus=2, memory=4, gpus=1),
    hal.Job("share", cpus=1, memory=2, gpus=0.4),
    hal.Job("pair", cpus=3, memory=8, tasks=2),
    hal.Job("wide", cpus=6, memory=4, tasks=3),
    hal.Job("never", cpus=64),
]


class FromList:
    def __init__(self, levels: list[float]) -> None:
        self.levels, self.at = levels, 0

    def observe(self, signals: object, context: object) -> float:
        self.at += 1
        return self.levels[self.at % len(self.levels)]


@given(
    seed=st.integers(0, 2**32),
    count=st.integers(1, 25),
    levels=st.lists(st.sampled_from([0.0, 0.3, 0.5, 0.8, 1.0]), min_size=1, max_size=4),
    contention=st.sampled_from(
        [None, Contention(), Contention(strength=2.0, threshold=0.2), Contention(strength=1.0, exponent=1.3)]
    ),
    sleep=st.sampled_from([None, Sleeping(after=7.3, wake=3.1, watts=5), Sleeping(after=0, wake=0)]),
    failures=st.sampled_from([None, Failures(mean_between=90, repair=17.7)]),
    fcfs=st.booleans(),
    composed=st.sampled_from(["pack_spread({p})", "best_fit", "pack_spread({p}) + 0.5 * best_fit"]),
)
@settings(max_examples=40, deadline=None)
def test_both_agree_event_by_event(
    seed: int,
    count: int,
    levels: list[float],
    contention: Contention | None,
    sleep: Sleeping | None,
    failures: Failures | None,
    fcfs: bool,
    composed: str,
) -> None:
    # Times from a generator, not from Hypothesis: ends that tie to the last bit but for rounding are no case.
    random = np.random.default_rng(seed)
    cluster = hal.Cluster(
        [
            hal.Node("n0", cpus=8, memory=32, gpus=hal.gpus(2, "A100")),
            hal.Node("n1", cpus=8, memory=32),
            hal.Node("n2", cpus=6, memory=48, gpus=hal.gpus(1, "T4")),
            hal.Node("n3", cpus=8, memory=32),
        ][: 1 + seed % 4]
    )
    rows = random.integers(0, len(KINDS), count).astype(np.int32)
    kinds = [KINDS[row] for row in rows]
    tasks = np.array([job.tasks for job in kinds], np.int32)
    work = Arrivals(
        np.sort(random.uniform(0, 60, count)),
        random.uniform(0.5, 30, count),
        hal.JobColumns.from_shapes(rows, KINDS, tasks=tasks),
    )
    horizon = 400.0
    run = simulate(
        cluster, work, p=levels[0], controller=FromList(levels), step=5, until=horizon, contention=contention,
        sleep=sleep, failures=failures, seed=seed % 1000, queue="fcfs" if fcfs else "greedy",
        policy=hal.policies.get(composed.replace("({p})", "")) if fcfs else composed.replace("({p})", ""),
    )  # fmt: skip
    twin = Twin(cluster, work, kinds, contention, sleep, failures, seed % 1000, fcfs, composed=composed)
    for number in range(len(run.trace["time"])):
        twin.advance(5.0 * (number + 1), levels[number % len(levels)])
    np.testing.assert_allclose(run.jobs["start"], twin.start, rtol=0, atol=1e-6)
    np.testing.assert_allclose(run.jobs["end"], twin.end, rtol=0, atol=1e-6)
    assert run.jobs["node"].tolist() == twin.node
    assert run.jobs["restarts"].tolist() == twin.restarts
    assert run.jobs["infeasible"].tolist() == twin.infeasible
    for name in twin.rows[0]:
        column = [row[name] for row in twin.rows]
        assert run.trace[name] == pytest.approx(column, rel=1e-6, abs=1e-6), name
    assert run.energy == pytest.approx(twin.joules, rel=1e-9)
