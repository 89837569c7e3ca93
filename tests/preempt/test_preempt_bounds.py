"""Plans that quotas and rules bind: whom to stop when room on the nodes is not what is missing."""

from __future__ import annotations

import numpy as np

import hal
from hal import AntiAffinity, Job, JobColumns, Node, Queue, QueueTree
from hal.topology import Topology

A = {"app": "a"}


def cluster_of(count: int = 3) -> hal.Cluster:
    tree = Topology(
        ["site", "rack"],
        [("s", "site", None), ("r0", "rack", "s"), ("r1", "rack", "s")],
        {f"n{k}": f"r{k // 2}" for k in range(count)},
    )
    return hal.Cluster([Node(f"n{k}", cpus=8) for k in range(count)], topology=tree)


def test_a_full_queue_gives_up_its_own() -> None:
    tree = QueueTree([Queue("ann", maximum={"cpus": 4}), Queue("bob", maximum={"cpus": 20})])
    cluster = cluster_of()
    jobs = [
        Job("bob", cpus=1, queue="bob"),
        *(Job(f"ann{k}", cpus=2, queue="ann", priority=k) for k in (0, 1)),
    ]
    hal.place(cluster, jobs, queues=tree, apply=True)
    urgent = Job("urgent", cpus=2, queue="ann", priority=5)
    assert hal.preempt(cluster, urgent).victims == ()  # without queues= there is room
    plan = hal.preempt(cluster, urgent, queues=tree)
    assert [victim.job for victim in plan.victims] == ["ann0"]
    told = hal.explain(cluster, urgent, queues=tree)
    assert told.victims == ("ann0",)
    assert "quota" not in told.missing
    assert "queue 'ann' at its maximum" in told.missing
    cluster.apply(plan)
    assert tree.used(cluster, "ann")["cpus"] == 4


def test_who_keeps_a_job_away_is_stopped() -> None:
    cluster = cluster_of()
    rules = [AntiAffinity(A, level="rack"), AntiAffinity({"app": "g"}, level="rack")]
    guards = [Job(f"g{k}", cpus=1, labels={"app": "g"}, rules=rules) for k in range(2)]
    hal.place(cluster, guards, "worst_fit", apply=True)
    assert not hal.place(cluster, Job("a", cpus=1, labels=A))[0].placed
    plan = hal.preempt(cluster, Job("a", cpus=1, labels=A, priority=1))
    assert len(plan.victims) == 1
    assert plan.exact
    cluster.apply(plan)
    assert "a" in cluster.jobs()


def test_moves_keep_rules() -> None:
    cluster = cluster_of(2)
    hal.place(cluster, [Job("x", cpus=2), Job("y", cpus=2, exclusive=False)], "worst_fit", apply=True)
    whole = Job("whole", cpus=8)
    assert len(hal.rebalance(cluster, max_moves=1, want=whole, policy="best_fit").moves) == 1
    cluster = cluster_of(2)
    apart = [Job(name, cpus=2, labels=A, rules=[AntiAffinity(A)]) for name in "xy"]
    hal.place(cluster, apart, "worst_fit", apply=True)
    assert hal.rebalance(cluster, max_moves=1, want=whole, policy="best_fit").moves == ()


def test_a_share_by_memory_does_not_grow_over_its_quota() -> None:
    tree = QueueTree([Queue("ann", maximum={"gpus": 0.5})])
    nodes = [
        Node("big", cpus=8, gpus=hal.gpus(1, "A", memory=80)),
        Node("small", cpus=8, gpus=hal.gpus(1, "B", memory=40)),
    ]
    cluster = hal.Cluster(nodes)
    hal.place(cluster, Job("m", cpus=1, gpu_memory=40, queue="ann"), "first_fit", queues=tree, apply=True)
    want = Job("want", cpus=1, gpus=1, gpu_models=["A"])
    assert len(hal.rebalance(cluster, max_moves=1, want=want).moves) == 1
    assert hal.rebalance(cluster, max_moves=1, want=want, queues=tree).moves == ()


def test_columns_carry_queues_and_rules() -> None:
    tree = QueueTree([Queue("ann", maximum={"cpus": 2}), Queue("bob")])
    cluster = cluster_of()
    ones = np.full(4, 1000), np.full(4, 10)
    jobs = JobColumns(
        cpu_milli=ones[0],
        memory_mib=ones[1] * 0,
        queue=np.array([0, 0, 0, 1], np.int32),
        queue_names=["ann", "bob"],
    )
    found = hal.place(cluster, jobs, queues=tree)
    assert found.status.tolist() == [0, 0, 1, 0]
    assert "queue 'ann'" in found.explain(2).missing
    kinds = [Job("k", cpus=1, labels=A, rules=[AntiAffinity(A)]), Job("free", cpus=1)]
    rows = JobColumns.from_shapes(np.array([0, 1, 0, 0, 0], np.int32), kinds)
    assert hal.place(cluster, rows).status.tolist() == [0, 0, 0, 0, 1]


def test_what_runs_already_counts_with_its_queue_and_rules() -> None:
    tree = QueueTree([Queue("ann", maximum={"cpus": 2})])
    cluster = cluster_of()
    running = Job("r", cpus=2, queue="ann", labels=A, rules=[AntiAffinity({"app": "b"}, level="rack")])
    cluster.bind(running, ["n0"])
    assert tree.used(cluster, "ann")["cpus"] == 2
    assert not hal.place(cluster, Job("more", cpus=1, queue="ann"), queues=tree)[0].placed
    assert hal.place(cluster, Job("b", cpus=1, labels={"app": "b"}))[0].nodes == ("n2",)
