"""Room is made only for wanted jobs that their quotas let start."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hal
from hal.errors import InvalidModel


def scene(nodes: int = 3) -> hal.Cluster:
    """Small jobs on every GPU, so that no whole one is free."""
    cluster = hal.Cluster([hal.Node(f"n{i}", cpus=8, gpus=hal.gpus(1, "T4")) for i in range(nodes)])
    small = [hal.Job(f"small{i}", cpus=1, gpus=0.3) for i in range(nodes)]
    cluster.apply(hal.place(cluster, small, "spread"))
    return cluster


def tree(ann: int, bob: int) -> hal.QueueTree:
    return hal.QueueTree([hal.Queue("ann", maximum={"gpus": ann}), hal.Queue("bob", maximum={"gpus": bob})])


@given(
    st.integers(0, 3),
    st.integers(0, 3),
    st.lists(st.sampled_from(["ann", "bob", ""]), min_size=1, max_size=4),
)
def test_it_plans_for_those_whom_no_quota_keeps(ann, bob, owners):
    cluster, queues = scene(), tree(ann, bob)
    want = [hal.Job(f"w{i}", cpus=1, gpus=1, queue=owner) for i, owner in enumerate(owners)]
    left = {"ann": ann, "bob": bob, "": len(want)}
    may = []
    for job in want:
        if left[job.queue]:
            left[job.queue] -= 1
            may.append(job)
    plan = hal.rebalance(cluster, max_moves=3, want=want, policy="best_fit", queues=queues)
    if not may:
        assert len(plan) == plan.wanted == 0
        return
    assert plan.moves == hal.rebalance(cluster, max_moves=3, want=may, policy="best_fit").moves
    assert plan.wanted == min(len(may), 2)  # of three GPUs one takes the small jobs
    cluster.apply(plan)
    charged = [job for job in may if job.queue]
    placed = hal.place(cluster, charged, queues=queues)
    assert sum(answer.status is hal.Status.PLACED for answer in placed) == min(len(charged), 2)


def test_one_job_over_its_quota_moves_nobody():
    job = hal.Job("w", cpus=1, gpus=1, queue="ann")
    assert len(hal.rebalance(scene(), max_moves=3, want=job, queues=tree(0, 3))) == 0
    assert len(hal.rebalance(scene(), max_moves=3, want=job, queues=tree(1, 3))) == 1


def test_unknown_queues_are_named():
    with pytest.raises(InvalidModel, match="eve"):
        hal.rebalance(scene(), max_moves=1, want=hal.Job("w", gpus=1, queue="eve"), queues=tree(1, 1))
