"""Placement under quotas: never exceeded, whatever happens, and the books follow the cluster's."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hal
from hal import Job, Node, Queue, QueueTree, Status
from hal.queues import reclaim
from tests.queues.queue_twin import RESOURCES, PlainTree
from tests.queues.strategies import jobs, trees


def cluster_of(gpus: int = 4, nodes: int = 3) -> hal.Cluster:
    return hal.Cluster(
        [Node(f"n{k}", cpus=16, memory="64GiB", gpus=hal.gpus(gpus, "T4")) for k in range(nodes)]
    )


@given(st.data())
def test_no_quota_is_ever_exceeded(data: st.DataObject) -> None:
    queues = data.draw(trees())
    tree, plain = QueueTree(queues), PlainTree(queues)
    cluster = cluster_of()
    known: dict[str, Job] = {}
    pending: list[hal.Placements] = []

    def check() -> None:
        plain.started = [known[name] for name in cluster.jobs()]
        assert plain.over() == []
        for queue in queues:
            used = tree.used(cluster, queue.name)
            assert {r: used.get(r, 0) for r in RESOURCES} == {r: plain.used(queue.name, r) for r in RESOURCES}

    for step in range(data.draw(st.integers(1, 8))):
        action = data.draw(st.sampled_from(["book", "place", "apply", "release", "try"]))
        if action in ("book", "place", "try"):
            count = data.draw(st.integers(1, 4))
            batch = [data.draw(jobs(queues, st.just(f"j{step}.{k}"))) for k in range(count)]
            known |= {job.name: job for job in batch}
            if action == "try":
                with cluster.what_if() as trial:
                    hal.place(trial, batch, queues=tree, apply=True)
                    if trial.jobs():
                        trial.release(trial.jobs()[0])
            else:
                plain.started = [known[name] for name in cluster.jobs()]
                found = hal.place(cluster, batch, queues=tree, apply=action == "book")
                for job, answer in zip(batch, found, strict=True):
                    if answer.placed:
                        assert plain.fits(job)
                        plain.started.append(job)
                    elif plain.fits(job):  # then it is not for the quota that it waits
                        alone = hal.place(cluster, job) if action == "place" and len(batch) == 1 else None
                        assert alone is None or not alone[0].placed
                if action == "place":
                    pending.append(found)
        elif action == "apply" and pending:
            with contextlib.suppress(
                hal.InvalidModel
            ):  # the state has changed: nothing is booked, as check() sees
                cluster.apply(pending.pop(0))
        elif action == "release" and cluster.jobs():
            cluster.release(data.draw(st.sampled_from(cluster.jobs())))
        check()


def test_over_quota_is_unschedulable_and_never_is_infeasible() -> None:
    tree = QueueTree(
        [Queue("lab", maximum={"gpus": 4}), Queue("ann", parent="lab"), Queue("bob", parent="lab")]
    )
    cluster = cluster_of()
    hal.place(cluster, Job("a", gpus=3, queue="ann"), queues=tree, apply=True)
    batch = [
        Job("b", gpus=2, queue="bob"),
        Job("c", gpus=1, queue="bob"),
        Job("never", tasks=5, gpus=1, queue="ann"),
    ]
    found = hal.place(cluster, batch, queues=tree)
    assert [answer.status for answer in found] == [Status.UNSCHEDULABLE, Status.PLACED, Status.INFEASIBLE]
    missing = found.explain("b").missing
    assert missing == "queue 'lab' at its maximum: needs 2 GPUs, has 3 GPUs of 4 GPUs in use; 1 GPUs missing"
    assert hal.place(cluster, Job("b2", gpus=2), apply=False)[0].placed  # without queues= there are no quotas
    assert hal.explain(cluster, batch[0], queues=tree).status is Status.UNSCHEDULABLE


def test_applying_later_asks_the_quota_again() -> None:
    tree = QueueTree([Queue("ann", maximum={"cpus": 2})])
    cluster = cluster_of()
    first = hal.place(cluster, Job("a", cpus=2, queue="ann"), queues=tree)
    second = hal.place(cluster, Job("b", cpus=2, queue="ann"), queues=tree)
    cluster.apply(first)
    with pytest.raises(hal.InvalidModel, match="over quota now: queue 'ann'"):
        cluster.apply(second)
    assert cluster.jobs() == ["a"]
    assert tree.used(cluster, "ann")["cpus"] == 2
    assert tree.used(cluster.fork(), "ann")["cpus"] == 2


def test_a_share_by_memory_counts_with_its_device() -> None:
    tree = QueueTree([Queue("ann", maximum={"gpus": 0.5})])
    cluster = hal.Cluster([Node("n", cpus=8, gpus=hal.gpus(2, "A", memory="40GiB"))])
    found = hal.place(cluster, [Job("half", gpu_memory="20GiB", queue="ann")], queues=tree, apply=True)
    assert found[0].placed
    assert tree.used(cluster, "ann")["gpus"] == 0.5
    assert hal.place(cluster, Job("more", gpu_memory="10GiB", queue="ann"), queues=tree)[0].status == 1


def test_a_job_of_no_queue_is_refused_before_anything_happens() -> None:
    tree = QueueTree([Queue("ann")])
    cluster = cluster_of()
    with pytest.raises(hal.InvalidModel, match="job 'j': it names no queue"):
        hal.place(cluster, [Job("ok", queue="ann"), Job("j")], queues=tree, apply=True)
    assert cluster.jobs() == []


def test_reclaim_takes_from_who_borrows_and_only_what_is_needed() -> None:
    tree = QueueTree(
        [
            Queue("ann", guarantee={"gpus": 6}),
            Queue("bob", guarantee={"gpus": 4}),
            Queue("cem", guarantee={"gpus": 2}),
        ]
    )
    cluster = cluster_of()  # 12 GPUs
    running = [Job(f"b{k}", gpus=2, queue="bob", priority=-k) for k in range(5)] + [
        Job("c", gpus=2, queue="cem")
    ]
    hal.place(cluster, running, queues=tree, apply=True)
    found = reclaim(tree, cluster, Job("a", gpus=4, queue="ann"))
    assert found.enough
    assert found.victims == (("b4", "bob"), ("b3", "bob"))
    assert found.lacking is None
    with cluster.what_if() as trial:
        trial.release([name for name, _ in found.victims])
        assert tree.used(trial, "bob")["gpus"] == 6
    greedy = reclaim(tree, cluster, Job("a", gpus=8, queue="ann"))  # beyond its own guarantee
    assert not greedy.enough
    assert greedy.lacking is not None
    assert reclaim(tree, cluster, Job("c2", gpus=1, queue="cem")).victims == ()


@given(st.data())
def test_reclaim_never_takes_from_within_a_guarantee(data: st.DataObject) -> None:
    queues = data.draw(trees())
    tree, plain = QueueTree(queues), PlainTree(queues)
    cluster = cluster_of(gpus=2, nodes=2)
    batch = [data.draw(jobs(queues, st.just(f"j{k}"))) for k in range(data.draw(st.integers(0, 6)))]
    known = {job.name: job for job in batch}
    hal.place(cluster, batch, queues=tree, apply=True)
    claim = data.draw(jobs(queues, st.just("claim")))
    found = reclaim(tree, cluster, claim)
    for name, branch in found.victims:
        plain.started = [known[running] for running in cluster.jobs()]
        beyond = [r for r in RESOURCES if plain.used(branch, r) > plain.guarantee(branch, r)]
        assert beyond
        assert known[name].queue in plain.leaves(branch)
        assert claim.queue not in plain.leaves(branch)
    if found.enough:
        cluster.release([name for name, _ in found.victims])
        plain.started = [known[running] for running in cluster.jobs()]
        assert plain.fits(claim)
