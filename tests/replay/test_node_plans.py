"""Conservative backfill, slots and reservations on nodes: the twin, the count of processors, and the promises."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hal
from hal.errors import InvalidModel, PolicyError
from hal.replay import Queue, QueueJob, Workload, replay_on_cluster, replay_queue

from . import naive_plans
from .strategies import workloads
from .test_cluster_replay import POLICIES, clusters, holds, needs, takes_time, two_nodes

PLANS = st.sampled_from(["conservative", "slots"])


@st.composite
def windows(draw, count: int) -> list[tuple[int, int, int]]:
    """Begin, end and node of what jobs may not use; no two of them at once on a node."""
    taken = draw(st.lists(st.integers(0, count - 1), unique=True, max_size=2))
    spans = [(draw(st.integers(0, 400)), draw(st.integers(1, 300)), node) for node in taken]
    return [(begin, begin + length, node) for begin, length, node in spans]


@given(workloads(max_jobs=10), st.data(), PLANS, st.integers(1, 4), st.integers(1, 90))
def test_agrees_with_twin(workload, data, backfill, depth, resolution):
    workload = takes_time(workload)
    size = data.draw(st.lists(st.integers(1, 8), min_size=1, max_size=4))
    # Each job fits on the largest node, so that it always fits when nothing else is there.
    need = [
        data.draw(st.tuples(st.integers(1, 3), st.integers(1, 4)).filter(lambda n: n[0] * n[1] <= max(size)))
        for _ in range(len(workload))
    ]
    held = data.draw(windows(len(size)))
    cluster = hal.Cluster([hal.Node(f"n{index}", cpus=cpus) for index, cpus in enumerate(size)])
    options = {"backfill": backfill, "depth": depth, "window": 400, "resolution": resolution}
    run = replay_on_cluster(
        workload, cluster, [hal.Job("j", tasks=tasks, cpus=cpus) for tasks, cpus in need],
        policy="first_fit", reservations=[(b, e, [f"n{node}"]) for b, e, node in held], **options,
    )  # fmt: skip
    starts, promises, places = naive_plans.replay(workload, size, need, holds=held, **options)
    assert run.start.tolist() == starts
    assert run.promise.tolist() == promises
    assert [run.node[run.task_begin[r] : run.task_begin[r + 1]].tolist() for r in range(len(need))] == places


@given(
    workloads(max_jobs=18, overruns=True),
    st.data(),
    PLANS,
    st.sampled_from(["fcfs", "sjf", "wfp3", "fair_share"]),
    st.sampled_from(["requested", "actual", "last_two"]),
)
def test_a_single_node_is_a_count_of_processors(workload, data, backfill, order, predict):
    # A count lets go of a job that it can predict no further; nodes are held to the end.
    workload = takes_time(workload)
    capped = Workload.from_columns(
        submit=workload.submit, run=np.minimum(workload.run, workload.requested), procs=workload.procs,
        requested=workload.requested, user=workload.user, processors=workload.processors,
    )  # fmt: skip
    cluster = hal.Cluster([hal.Node("n", cpus=workload.processors)])
    begin, length = data.draw(st.integers(0, 300)), data.draw(st.integers(1, 200))
    procs = data.draw(st.integers(0, workload.processors))
    options = {"backfill": backfill, "order": order, "predict": predict, "resolution": 13}
    counted = [(begin, begin + length, procs)] if procs else []
    on_node = [(begin, begin + length, hal.Job("held", cpus=procs))] if procs else []
    run = replay_on_cluster(capped, cluster, reservations=on_node, **options)
    count = replay_queue(capped, reservations=counted, **options)
    assert run.start.tolist() == count.start.tolist()
    if order == "fcfs":
        assert run.promise.tolist() == count.promise.tolist()


@given(workloads(max_jobs=12), st.data(), PLANS, POLICIES, st.sampled_from(["fcfs", "sjf", "wfp3"]))
def test_promises_and_reservations_are_kept(workload, data, backfill, policy, order):
    workload = takes_time(workload)
    cluster = data.draw(clusters())
    jobs = data.draw(needs(workload, cluster))
    held = data.draw(windows(len(cluster.columns.present)))
    whole = [(begin, end, [f"n{node}"]) for begin, end, node in held]
    digest = cluster.digest()
    run = replay_on_cluster(
        workload, cluster, jobs, policy=policy, backfill=backfill, order=order, reservations=whole
    )
    assert cluster.digest() == digest
    holds(run, workload, cluster, jobs)
    if backfill == "conservative":
        assert (run.promise >= workload.submit).all()
        assert (run.start <= run.promise).all()
    for begin, end, node in held:
        for row in np.flatnonzero((run.start < end) & (run.end > begin)).tolist():
            assert f"n{node}" not in run.nodes(row)


@given(workloads(max_jobs=9), st.data(), st.booleans())
def test_promises_are_kept_with_quotas_and_rules(workload, data, ruled):
    workload = takes_time(workload)
    cluster = hal.Cluster([hal.Node(f"n{index}", cpus=4) for index in range(3)])
    tree = hal.QueueTree([hal.Queue("lab", maximum={"cpus": 6}), hal.Queue("other")])
    apart = [hal.AntiAffinity({"app": "db"})] if ruled else []
    jobs = [
        hal.Job(
            "j",
            tasks=data.draw(st.integers(1, 3)),
            cpus=data.draw(st.integers(1, 2)),
            queue=data.draw(st.sampled_from(["lab", "other"])),
            labels={"app": data.draw(st.sampled_from(["db", "web"]))},
            rules=apart,
        )
        for _ in range(len(workload))
    ]
    run = replay_on_cluster(workload, cluster, jobs, backfill="conservative", queues=tree)
    holds(run, workload, cluster, jobs)
    assert (run.start <= run.promise).all()
    for moment in set(run.start.tolist()):
        there = np.flatnonzero((run.start <= moment) & (moment < run.end)).tolist()
        lab = sum(jobs[row].tasks * jobs[row].cpu_milli for row in there if jobs[row].queue == "lab")
        assert lab <= 6000
        for row in there if ruled else ():
            others = {node for other in there if other != row for node in run.nodes(other)}
            assert jobs[row].labels["app"] != "db" or not others & set(run.nodes(row))


def test_a_job_may_stand_where_others_stand_before_and_after():
    cluster = hal.Cluster([hal.Node("n", cpus=8)])
    workload = Workload.from_columns(submit=[0, 0, 0, 1], run=[10, 10, 10, 30], procs=[5, 5, 5, 3])
    run = replay_on_cluster(workload, cluster, backfill="conservative")
    assert run.start.tolist() == [0, 10, 20, 1]  # 5 of 8 CPUs are taken at any time, never 15


def test_slices_of_a_device_are_held_while_others_stand_there_later():
    node = hal.Node("n", cpus=8, gpus=hal.gpus(1, "A100", memory="40GiB", mig=True))
    jobs = [hal.Job("j", cpus=1, gpu_profile=profile) for profile in ("4g.20gb", "7g.40gb", "1g.5gb")]
    workload = Workload.from_columns(submit=[0, 0, 1], run=[10, 10, 15], procs=[1, 1, 1])
    run = replay_on_cluster(workload, hal.Cluster([node]), jobs, backfill="conservative")
    # Beside the first there is room for the third, but not for as long as it runs.
    assert run.start.tolist() == [0, 10, 20]


def test_live_queue_keeps_promises_and_reservations():
    queue = Queue(two_nodes(), backfill="conservative", reservations=[(50, 90, ["a"])])
    assert queue.submit(0, QueueJob("first", 8, 20)).start == ["first"]
    assert queue.submit(1, QueueJob("wide", 8, 40)).start == []
    assert queue.promise("wide") == 90
    assert queue.submit(2, QueueJob("small", 2, 60)).start == []
    assert queue.promise("small") == 20  # on the node that stays
    assert queue.finish(10, "first").start == ["small"]
    assert queue.places("small") == (("b", ()), ("b", ()))
    assert queue.next_wake == 70  # its time limit
    assert queue.finish(40, "small").start == []
    assert queue.next_wake == 90
    assert queue.tick(90).start == ["wide"]


def test_live_queue_plans_anew_when_a_node_goes_and_when_one_comes():
    cluster = two_nodes()
    queue = Queue(cluster, backfill="conservative")
    queue.submit(0, QueueJob("a", 4, 100), QueueJob("b", 4, 50), QueueJob("c", 4, 30))
    assert queue.running == ("a", "b")
    assert queue.promise("c") == 50
    cluster.remove(queue.places("b")[0][0], evict=True)
    assert queue.tick(1).start == []
    assert queue.finish(2, "b", ok=False).start == []
    assert queue.next_wake == 100
    cluster.add(hal.Node("new", cpus=4))
    assert queue.tick(3).start == ["c"]
    assert queue.places("c")[0][0] == "new"


@pytest.mark.parametrize(
    ("reservations", "error", "message"),
    [
        ([(0, 10, ["nowhere"])], InvalidModel, "nowhere"),
        ([(0, 10, [])], InvalidModel, "names no node"),
        ([(10, 10, ["a"])], InvalidModel, "an end after it"),
        ([(0, 10, hal.Job("x", cpus=5))], InvalidModel, "no room for it then"),
        ([(0, 10, 3)], InvalidModel, "list of node names"),
        ([(0, 10, "a")], InvalidModel, "list of node names"),
        ([(0, 10)], InvalidModel, "begin, end and nodes"),
        ([(0.5, 10, ["a"])], InvalidModel, "whole seconds"),
    ],
)
def test_bad_reservations(reservations, error, message):
    workload = Workload.from_columns(submit=[0], run=[1], procs=[1])
    for run in (
        lambda: replay_on_cluster(workload, two_nodes(), backfill="slots", reservations=reservations),
        lambda: Queue(two_nodes(), backfill="conservative", reservations=reservations),
    ):
        with pytest.raises(error, match=message):
            run()


def test_rules_that_do_not_plan_keep_no_reservations():
    workload = Workload.from_columns(submit=[0], run=[1], procs=[1])
    with pytest.raises(PolicyError, match="cannot keep reservations"):
        replay_on_cluster(workload, two_nodes(), reservations=[(0, 1, ["a"])])
    with pytest.raises(InvalidModel, match="a count of processors"):
        Queue(4, backfill="conservative", reservations=[(0, 1, ["a"])])
    with pytest.raises(PolicyError, match="depth is 0"):
        replay_on_cluster(workload, two_nodes(), backfill="slots", depth=0)
