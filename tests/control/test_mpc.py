"""Mpc on a live cluster: packs to save power, spreads to save time, and leaves no trace."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hal
from hal import _core
from hal.control import Cost, Loop, Mpc
from hal.control.mpc import loads
from hal.job_columns import JobColumns
from tests.control.toy import Reading


def cluster_with(*cpus, nodes=8, gpus=0):
    cluster = hal.Cluster(
        [hal.Node(f"n{i}", cpus=16, memory="64GiB", gpus=hal.gpus(gpus, "T4")) for i in range(nodes)]
    )
    for index, cpu in enumerate(cpus):
        hal.place(cluster, hal.Job(f"job{index}", cpus=cpu), policy="spread", apply=True)
    return cluster


def settle(mpc, cluster, steps=30):
    context = SimpleNamespace(cluster=cluster)
    return [mpc.observe(Reading(time=60.0 * i), context) for i in range(steps)]


def test_packs_for_power_and_spreads_for_time():
    cluster = cluster_with(8, 8, 4)
    power = Cost(idle=0.9, asleep=0.0, strength=0.0, slowness=0.0)
    time = Cost(idle=0.0, asleep=0.0, strength=5.0, slowness=10.0)
    assert settle(Mpc(cost=power, start=0.95), cluster)[-1].p < 0.8
    assert settle(Mpc(cost=time, start=0.4), cluster)[-1].p > 0.6


def test_leaves_the_cluster_as_it_was_and_settles():
    cluster = cluster_with(8, 4, 2, gpus=2)
    before = cluster.digest(), cluster.version
    advice = settle(Mpc(), cluster, 60)
    assert cluster.digest() == before[0]
    assert len({p for p, _ in advice[-20:]}) == 1


def test_spreads_its_candidates_over_the_steps_between_two_decisions():
    mpc, context = Mpc(every=60), SimpleNamespace(cluster=cluster_with())
    rules = [mpc.observe(Reading(time=10.0 * i), context).rule for i in range(13)]
    assert rules[:6] == ["wait", "wait", "try", "try", "wait", "try"]
    assert rules[7:12] == ["wait", "try", "try", "wait", "try"]
    assert {rules[6], rules[12]} <= {"keep", "move"}


def test_goes_on_in_the_middle_of_a_round():
    context = SimpleNamespace(cluster=cluster_with(8, 8, 4))
    readings = [Reading(time=10.0 * i) for i in range(30)]
    whole = Mpc(start=0.9)
    advice = [whole.observe(reading, context) for reading in readings]
    assert {"try", "move"} <= {rule for _, rule in advice}
    for cut in range(1, 14):
        first, second = Mpc(start=0.9), Mpc(start=0.2)
        for reading in readings[:cut]:
            first.observe(reading, context)
        second.restore(json.loads(json.dumps(first.state())))
        assert [second.observe(reading, context) for reading in readings[cut:]] == advice[cut:]


def test_a_clock_that_goes_back_begins_the_round_again():
    mpc, context = Mpc(every=60), SimpleNamespace(cluster=cluster_with())
    rules = [mpc.observe(Reading(time=time), context).rule for time in (100.0, 130.0, 50.0, 80.0, 110.0)]
    assert rules[:4] == ["wait", "try", "wait", "try"]
    assert rules[4] in ("keep", "move")


@given(
    nodes=st.lists(st.tuples(st.integers(1, 8), st.integers(0, 3), st.booleans()), min_size=1, max_size=8),
    running=st.lists(st.integers(1, 6), max_size=10),
    request=st.tuples(st.integers(1, 3), st.integers(0, 2)),
    tasks=st.integers(0, 30),
    p=st.integers(0, 64),
    exponent=st.sampled_from([1.0, 2.0, 2.5]),
)
@settings(max_examples=40)
def test_looking_ahead_is_placing_on_a_fork(nodes, running, request, tasks, p, exponent):
    cluster = hal.Cluster(
        [
            hal.Node(f"n{i}", cpus=c, memory=f"{c}GiB", gpus=hal.gpus(g, "T4"))
            for i, (c, g, _) in enumerate(nodes)
        ]
    )
    hal.place(
        cluster, [hal.Job(f"j{i}", cpus=cpus) for i, cpus in enumerate(running)], policy="spread", apply=True
    )
    for index, (_, _, gone) in enumerate(nodes):
        if gone and index:
            cluster.remove(f"n{index}", evict=True)
    before = cluster.digest(), cluster.version
    policy = hal.Policy({hal.policies.PackSpread(p=p / 64): 1})
    job = hal.Job("probe", cpus=request[0], memory="1GiB", gpus=request[1])
    probe = JobColumns.from_shapes(np.zeros(tasks, np.int32), [job])
    cost = Cost(exponent=exponent)
    model = (cost.idle, cost.asleep, cost.strength, cost.exponent)

    [(placed, *sums)] = _core.look_ahead(cluster._core, [policy._core], probe.shapes[0], tasks, model)

    assert (cluster.digest(), cluster.version) == before
    with cluster.what_if() as trial:
        answer = hal.place(trial, probe, policy=policy, apply=True)
        assert placed == int((answer.node >= 0).sum())
        assert cost.of_sums(*sums) == pytest.approx(cost.of_loads(loads(trial)), rel=1e-9, abs=1e-12)


@given(sizes=st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(0, 4)), max_size=9))
@settings(max_examples=25)
def test_the_typical_node_is_the_median(sizes):
    cluster = hal.Cluster(
        [
            hal.Node(f"n{i}", cpus=c, memory=f"{m}GiB", gpus=hal.gpus(g, "T4"))
            for i, (c, m, g) in enumerate(sizes)
        ]
    )
    middle = [sorted(column)[len(sizes) // 2] for column in zip(*sizes, strict=True)] or [0, 0, 0]
    expected = (1000 * middle[0], 1024 * middle[1], middle[2], len(sizes))
    assert _core.typical_node(cluster._core) == expected


def test_without_a_cluster_the_loop_holds():
    loop = Loop(Mpc(), start=0.3)
    advice = loop.observe(Reading(time=10))
    assert advice.p == 0.3
    assert "context" in advice.rule


def test_loads_are_the_fullest_resource():
    cluster = cluster_with(nodes=2, gpus=2)
    hal.place(cluster, hal.Job("a", cpus=4, memory="48GiB", gpus=1), apply=True)
    assert sorted(loads(cluster)) == pytest.approx([0.0, 0.75])
    cluster.remove("n1")
    assert len(loads(cluster)) == 1
    assert np.isfinite(Cost().of_loads(loads(cluster)))
