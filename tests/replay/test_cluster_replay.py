"""Batch queues on nodes: the plain twin, the count of processors, and what must hold of every schedule."""

from __future__ import annotations

import dataclasses
import heapq

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import hal
from hal.errors import InvalidModel, PolicyError
from hal.replay import Queue, QueueJob, Workload, replay_on_cluster, replay_queue

from . import naive_nodes
from .strategies import workloads

BACKFILLS = st.sampled_from(["none", "easy", "easy_sjbf"])


def takes_time(workload: Workload) -> Workload:
    """The same jobs, but none of no duration, which in front of a count of processors holds none."""
    return Workload.from_columns(
        submit=workload.submit, run=workload.run + 1, procs=workload.procs, requested=workload.requested + 1,
        user=workload.user, processors=workload.processors,
    )  # fmt: skip


def same_nodes(draw, processors: int) -> hal.Cluster:
    """Nodes of one size with that many CPUs together."""
    size = draw(st.sampled_from([n for n in range(1, processors + 1) if processors % n == 0]))
    return hal.Cluster([hal.Node(f"n{i}", cpus=size) for i in range(processors // size)])


@given(
    workloads(max_jobs=18),
    st.data(),
    BACKFILLS,
    st.sampled_from(["fcfs", "sjf", "wfp3", "fair_share"]),
    st.sampled_from(["requested", "actual"]),
    st.sampled_from(["best_fit", "worst_fit", "first_fit"]),
)
def test_cpus_alone_agree_with_the_count_of_processors(workload, data, backfill, order, predict, policy):
    workload = takes_time(workload)
    cluster = same_nodes(data.draw, workload.processors)
    digest = cluster.digest()
    options = {"backfill": backfill, "order": order, "predict": predict}
    run = replay_on_cluster(workload, cluster, policy=policy, **options)
    assert run.start.tolist() == replay_queue(workload, **options).start.tolist()
    assert run.utilisation == pytest.approx(replay_queue(workload, **options).utilisation)
    assert np.diff(run.task_begin).tolist() == workload.procs.tolist()
    assert cluster.digest() == digest


@st.composite
def clusters(draw) -> hal.Cluster:
    nodes = [
        hal.Node(
            f"n{index}",
            cpus=draw(st.integers(1, 8)),
            memory=draw(st.integers(1, 8)),
            gpus=hal.gpus(draw(st.integers(0, 2)), "A100"),
        )
        for index in range(draw(st.integers(1, 4)))
    ]
    return hal.Cluster(nodes)


@st.composite
def needs(draw, workload: Workload, cluster: hal.Cluster) -> list[hal.Job]:
    """Something for every row that fits when nothing else runs."""
    jobs = []
    for _ in range(len(workload)):
        job = hal.Job(
            "job",
            tasks=draw(st.integers(1, 3)),
            cpus=draw(st.integers(0, 4)),
            memory=draw(st.integers(0, 4)),
            gpus=draw(st.sampled_from([0, 0, 0.5, 1, 2])),
        )
        fits = hal.place(cluster, job)[0].status is hal.Status.PLACED
        jobs.append(job if fits else hal.Job("job", cpus=1))
    return jobs


POLICIES = st.sampled_from(["best_fit", "worst_fit", "fgd", "first_fit"])


@given(workloads(max_jobs=10), st.data(), BACKFILLS, POLICIES)
def test_agrees_with_twin(workload, data, backfill, policy):
    workload = takes_time(workload)
    cluster = data.draw(clusters())
    jobs = data.draw(needs(workload, cluster))
    run = replay_on_cluster(workload, cluster, jobs, policy=policy, backfill=backfill)
    twin = naive_nodes.replay(workload, cluster, jobs, policy=policy, backfill=backfill)
    if policy != "fgd":  # which looks at the jobs seen, and the twin sees each again at every try
        assert run.start.tolist() == twin
    holds(run, workload, cluster, jobs)
    assert ((run.promise < 0) | (run.start <= run.promise)).all()


def holds(run, workload, cluster, jobs) -> None:
    """At no moment does a node hold more than it has, and no device more than one task's worth."""
    spec = list(cluster.nodes())
    for moment in set(run.start.tolist()):
        cpus, memory = np.zeros(len(spec)), np.zeros(len(spec))
        shares: dict[tuple[int, int], float] = {}
        for row in np.flatnonzero((run.start <= moment) & (moment < run.end)).tolist():
            tasks = slice(run.task_begin[row], run.task_begin[row + 1])
            assert len(run.node[tasks]) == jobs[row].tasks
            for node, mask in zip(run.node[tasks].tolist(), run.gpus[tasks].tolist(), strict=True):
                cpus[node] += jobs[row].cpu_milli / 1000
                memory[node] += jobs[row].memory_mib
                for device in range(64):
                    if mask >> device & 1:
                        shares[node, device] = shares.get((node, device), 0) + jobs[row].gpu_milli
        for index, node in enumerate(spec):
            assert cpus[index] <= node.cpus
            assert memory[index] <= node.memory
        assert all(share <= 1000 for share in shares.values())


@given(
    workloads(max_jobs=10, overruns=True),
    st.data(),
    BACKFILLS | st.sampled_from(["conservative", "slots"]),
    st.sampled_from(["requested", "last_two"]),
)
def test_nothing_is_overcommitted_when_runs_outlive_everything(workload, data, backfill, predict):
    cluster = data.draw(clusters())
    jobs = data.draw(needs(workload, cluster))
    run = replay_on_cluster(workload, cluster, jobs, backfill=backfill, predict=predict)
    assert run.ran.all()
    holds(run, workload, cluster, jobs)


@given(workloads(max_jobs=8), st.data(), BACKFILLS | st.sampled_from(["conservative", "slots"]), POLICIES)
def test_live_equals_replay(workload, data, backfill, policy):
    workload = takes_time(workload)
    cluster = data.draw(clusters())
    jobs = data.draw(needs(workload, cluster))
    run = replay_on_cluster(workload, cluster, jobs, policy=policy, backfill=backfill)
    # At one and the same second a replay knows what ends; a live queue waits to be told.
    moments = [*set(workload.submit.tolist()), *run.end.tolist(), *(run.start + workload.requested).tolist()]
    early = workload.run < workload.requested
    assume(len(set(moments)) == len(moments) - int((~early).sum()))
    queue = Queue(cluster, backfill=backfill, policy=policy, grace=1)
    starts, ends = {}, []
    for row in range(len(workload) + 1):
        submit = int(workload.submit[row]) if row < len(workload) else 2**31
        while True:
            end = ends[0][0] if ends else 2**31
            wake = 2**31 if queue.next_wake is None else queue.next_wake
            if wake < min(submit, end):
                take(queue.tick(wake), wake, starts, ends, workload)
            elif ends and end <= submit:
                moment, name = heapq.heappop(ends)
                take(queue.finish(moment, name), moment, starts, ends, workload)
            else:
                break
        if row < len(workload):
            job = QueueJob(str(row), 1, int(workload.requested[row]), needs=jobs[row])
            take(queue.submit(submit, job), submit, starts, ends, workload)
            for name in queue.running:
                assert cluster.runs(name)
                assert tuple(node for node, _ in queue.places(name)) == run.nodes(int(name))
    assert [starts[str(row)] for row in range(len(workload))] == run.start.tolist()
    assert cluster.jobs() == []


def take(actions, now, starts, ends, workload) -> None:
    for name in actions.start:
        starts[name] = now
        heapq.heappush(ends, (now + int(workload.run[int(name)]), name))


def two_nodes() -> hal.Cluster:
    return hal.Cluster([hal.Node("a", cpus=4, labels={"id": "a"}), hal.Node("b", cpus=4, labels={"id": "b"})])


def test_a_job_that_fits_in_total_but_on_no_node_waits():
    workload = Workload.from_columns(submit=[0, 0, 0], run=[10, 20, 5], procs=[2, 2, 4])
    jobs = [hal.Job("j", cpus=2, selector={"id": node}) for node in "ab"] + [hal.Job("j", cpus=4)]
    run = replay_on_cluster(workload, two_nodes(), jobs)
    assert (run.nodes(0), run.nodes(1), run.nodes(2)) == (("a",), ("b",), ("a",))
    assert run.start.tolist() == [0, 0, 10]  # 4 CPUs are free at once, but two on each node
    assert run.promise.tolist() == [-1, -1, 10]


def test_what_else_runs_stays_and_quotas_hold():
    cluster = two_nodes()
    cluster.apply(hal.place(cluster, hal.Job("other", cpus=4)))
    workload = Workload.from_columns(submit=[0, 0], run=[10, 10], procs=[2, 2])
    assert replay_on_cluster(workload, cluster).nodes(0) == ("b", "b")
    tree = hal.QueueTree([hal.Queue("q", maximum={"cpus": 5})])
    jobs = [hal.Job("j", cpus=2, queue="q")] * 2
    run = replay_on_cluster(workload, two_nodes(), jobs, queues=tree)
    assert run.start.tolist() == [0, 0]
    tree = hal.QueueTree([hal.Queue("q", maximum={"cpus": 3})])
    run = replay_on_cluster(workload, two_nodes(), jobs, queues=tree)
    assert run.start.tolist() == [0, 10]


def test_dependencies_and_order_functions_on_nodes():
    workload = Workload.from_columns(
        submit=[0, 0, 0], run=[10, 10, 10], procs=[4, 4, 4], after=[(1, 3, "ok")]
    )
    cluster = hal.Cluster([hal.Node("n", cpus=4)])
    assert replay_on_cluster(workload, cluster).start.tolist() == [20, 0, 10]

    def last_first(now, waiting):
        return -waiting.row

    workload = dataclasses.replace(workload, after=Workload.from_columns(submit=[], run=[], procs=[]).after)
    assert replay_on_cluster(workload, cluster, order=last_first).start.tolist() == [0, 20, 10]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"jobs": [hal.Job("j", cpus=9)] * 2}, InvalidModel, r"job 1 \(row 0\).*would not fit"),
        ({"jobs": []}, InvalidModel, "0 for 2 rows"),
        ({"backfill": "best"}, PolicyError, "unknown name 'best'"),
        ({"policy": "best"}, PolicyError, "best"),
        ({"order": "lifo"}, PolicyError, "lifo"),
        ({"queues": hal.QueueTree([hal.Queue("q")])}, InvalidModel, "queue"),
    ],
)
def test_bad_input(options, error, message):
    workload = Workload.from_columns(submit=[0, 0], run=[1, 1], procs=[1, 1])
    with pytest.raises(error, match=message):
        replay_on_cluster(workload, two_nodes(), **options)


def test_live_queue_places_gpus_and_requeues():
    cluster = hal.Cluster([hal.Node("n", cpus=8, gpus=hal.gpus(2, "A100"))])
    queue = Queue(cluster)
    train = QueueJob("train", 1, 100, tasks=3, needs=hal.Job("t", cpus=1, gpus=1), checkpoint=10)
    assert queue.submit(0, train).start == ["train[0]", "train[1]"]
    assert queue.places("train[0]") == (("n", (0,)),)
    assert queue.places("train[2]") == ()
    assert queue.free == 6
    assert queue.promise("train[2]") == 100
    assert queue.requeue(50, "train[0]").start == ["train[2]"]
    assert queue.finish(60, "train[1]").start == ["train[0]"]
    assert set(cluster.jobs()) == {"train[0]", "train[2]"}


def test_live_queue_sees_what_happens_to_the_cluster():
    cluster = two_nodes()
    queue = Queue(cluster)
    assert queue.submit(0, QueueJob("a", 8, 100), QueueJob("b", 4, 100)).start == ["a"]
    cluster.remove("b", evict=True)
    assert queue.tick(1).start == []  # `a` lost half of its CPUs but holds the others
    assert queue.finish(2, "a", ok=False).start == ["b"]
    assert queue.places("b") == (("a", ()),) * 4
    cluster.release("b")  # by someone else: the end is still to be reported
    assert queue.finish(3, "b").start == []


def test_bad_jobs_change_nothing():
    cluster = two_nodes()
    queue = Queue(cluster)
    cluster.apply(hal.place(cluster, hal.Job("taken", cpus=1)))
    for job, message in [
        (QueueJob("x", 9, 10), "would not fit"),
        (QueueJob("taken", 1, 10), "runs already"),
        (QueueJob("x", 1, 10, needs=hal.Job("t", gpus=1)), "would not fit"),
    ]:
        with pytest.raises(InvalidModel, match=message):
            queue.submit(0, QueueJob("fine", 1, 10), job)
        assert queue.waiting == queue.running == ()
    with pytest.raises(InvalidModel, match="list of node names"):
        Queue(cluster, backfill="conservative", reservations=[(0, 1, 1)])
    assert queue.submit(0, QueueJob("fine", 1, 10)).start == ["fine"]
