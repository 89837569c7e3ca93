"""Nodes that fail under a queue: what is stopped, requeued and saved, and what must hold of every schedule."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hal
from hal.errors import InvalidModel
from hal.replay import Queue, QueueJob, Workload, replay_on_cluster

from .strategies import workloads
from .test_cluster_replay import clusters, holds, needs, takes_time, two_nodes

BACKFILLS = st.sampled_from(["none", "easy", "easy_sjbf", "conservative", "slots"])


@st.composite
def failures(draw, count: int) -> list[tuple[str, int, int]]:
    nodes = draw(st.lists(st.integers(0, count - 1), max_size=4))
    return [
        (f"n{n}", at, at + draw(st.integers(1, 300))) for n in nodes for at in [draw(st.integers(0, 500))]
    ]


@given(workloads(max_jobs=10), st.data(), BACKFILLS, st.sampled_from(["requested", "last_two"]))
def test_every_job_runs_all_that_it_had_not_saved(workload, data, backfill, predict):
    workload = takes_time(workload)
    cluster = data.draw(clusters())
    jobs = data.draw(needs(workload, cluster))
    broken = data.draw(failures(len(cluster.columns.present)))
    every = np.array(data.draw(st.lists(st.integers(0, 60), min_size=len(jobs), max_size=len(jobs))))
    digest = cluster.digest()
    run = replay_on_cluster(
        workload, cluster, jobs, backfill=backfill, predict=predict, failures=broken, checkpoint=every
    )
    assert cluster.digest() == digest
    assert run.ran.all()
    whole = [jobs[int(np.flatnonzero(workload.job == number)[0])] for number in run.workload.job]
    holds(run, run.workload, cluster, whole)
    moments = {at for _, at, _ in broken}
    for row, number in enumerate(workload.job):
        rows = np.flatnonzero(run.workload.job == number)
        assert run.entered[rows].tolist() == [run.entered[rows[0]], *run.end[rows[:-1]].tolist()]
        assert set(run.end[rows[:-1]].tolist()) <= moments
        saved = [
            int(r) // int(every[row]) * int(every[row]) if every[row] else 0
            for r in run.workload.run[rows[:-1]]
        ]
        assert run.workload.run[rows[-1]] == workload.run[row] - sum(saved)
        left = np.maximum(1, workload.requested[row] - np.cumsum([0, *saved]))
        assert run.workload.requested[rows].tolist() == left.tolist()
    for node, at, back in broken:  # nothing is on a node while it is away
        for row in np.flatnonzero((run.start < back) & (run.end > at)).tolist():
            assert node not in run.nodes(row)


def test_a_failure_stops_what_is_there_and_only_that():
    workload = Workload.from_columns(submit=[0, 0, 0], run=[100, 100, 50], procs=[4, 4, 4])
    options = {"failures": [("a", 35, 60)], "backfill": "conservative"}
    run = replay_on_cluster(workload, two_nodes(), checkpoint=10, **options)
    assert run.workload.job.tolist() == [1, 1, 2, 3]
    assert run.start.tolist() == [0, 100, 0, 60]
    assert run.workload.run.tolist() == [35, 70, 100, 50]  # 30 of 35 s are saved
    assert run.entered.tolist() == [0, 35, 0, 0]
    assert run.nodes(0) == ("a",) * 4
    assert run.workload.after.other.tolist() == [0]
    lost = replay_on_cluster(workload, two_nodes(), **options)
    assert lost.workload.run.tolist() == [35, 100, 100, 50]  # nothing is saved
    assert replay_on_cluster(workload, two_nodes(), backfill="conservative").workload is workload


def test_nodes_that_never_come_back_leave_jobs_waiting():
    workload = Workload.from_columns(
        submit=[0, 0, 5, 5], run=[10, 90, 1, 1], procs=[4, 8, 1, 1], after=[(4, 2, "ok")]
    )
    run = replay_on_cluster(workload, two_nodes(), failures=[("b", 20, None)])
    assert run.workload.job.tolist() == [1, 2, 2, 3, 4]
    assert run.start.tolist() == [0, 10, -1, 5, -1]


def test_what_waits_for_a_job_waits_for_its_last_submission():
    workload = Workload.from_columns(
        submit=[0, 0, 0], run=[50, 5, 5], procs=[4, 4, 4], after=[(2, 1, "ok"), (3, 1, "start")]
    )
    run = replay_on_cluster(workload, two_nodes(), failures=[("a", 20, 21)])
    assert run.workload.job.tolist() == [1, 1, 2, 3]
    assert run.start.tolist() == [0, 20, 70, 0]
    assert replay_on_cluster(run.workload, two_nodes()).start.tolist() == [0, 20, 70, 0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"failures": [("x", 0, 1)]}, "'x'"),
        ({"failures": [("a", 5, 5)]}, "an end after it"),
        ({"failures": [("a", -1, 5)]}, "0 or more"),
        ({"failures": [("a", 5)]}, "a node, when it fails"),
        ({"failures": [(1, 5, 6)]}, "name of a node"),
        ({"checkpoint": -1}, "checkpoint"),
        ({"checkpoint": [1, 2]}, "checkpoint"),
        ({"checkpoint": 1.5}, "checkpoint"),
    ],
)
def test_bad_input(options, message):
    workload = Workload.from_columns(submit=[0], run=[1], procs=[1])
    with pytest.raises(InvalidModel, match=message):
        replay_on_cluster(workload, two_nodes(), **options)


@pytest.mark.parametrize("backfill", ["easy", "conservative", "slots"])
def test_live_queue_requeues_what_a_lost_node_ran(backfill):
    cluster = two_nodes()
    queue = Queue(cluster, backfill=backfill)
    queue.submit(0, QueueJob("both", 8, 100, checkpoint=10))
    actions = queue.lose_node(25, "b")
    assert (actions.requeued, actions.start, cluster.jobs()) == (["both"], [], [])
    assert queue.waiting == ("both",)
    assert queue.submit(26, QueueJob("small", 4, 50)).start == ["small"]
    cluster.add(hal.Node("new", cpus=8))
    assert queue.tick(30).start == ["both"]
    assert queue.next_wake == 76
    assert queue.finish(70, "small").kill == []
    assert queue.tick(110).kill == ["both"]  # 80 s were left of its 100
    assert queue.lose_node(111, "a").requeued == []
    with pytest.raises(InvalidModel, match="nowhere"):
        queue.lose_node(112, "nowhere")
    with pytest.raises(InvalidModel, match="count of processors"):
        Queue(4).lose_node(0, "a")
