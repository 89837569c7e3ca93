"""Mpc on a live cluster: packs to save power, spreads to save time, and leaves no trace."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import hal
from hal.control import Cost, Loop, Mpc
from hal.control.mpc import loads
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


def test_waits_between_decisions():
    mpc, context = Mpc(every=60), SimpleNamespace(cluster=cluster_with())
    rules = [mpc.observe(Reading(time=10.0 * i), context).rule for i in range(8)]
    assert rules[1:6] == ["wait"] * 5
    assert rules[6] != "wait"


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
