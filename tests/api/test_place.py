"""``hal.place`` as DESIGN.md shows it, its orders, and what it refuses."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import hal
from hal.errors import HalError, InvalidModel, PolicyError
from tests.api.clusters import small


class MostFree:
    """Anything with a name and a score is a scorer."""

    name = "most_free"

    def score(self, job: object, nodes: object) -> np.ndarray:
        return nodes.free_cpu / np.maximum(nodes.capacity_cpu, 1)


def test_the_api_in_one_screen() -> None:
    cluster = small()
    jobs = [
        hal.Job("train", tasks=2, cpus=16, memory="64GiB", gpus=8),
        hal.Job("huge", cpus=65),
        hal.Job("serve", cpus=1, gpus=0.3, selector={"zone": "b"}),
    ]
    before = cluster.digest()
    placements = hal.place(cluster, jobs, policy="fgd")
    assert cluster.digest() == before
    assert [p.status.name for p in placements] == ["PLACED", "INFEASIBLE", "PLACED"]
    assert placements[0].nodes == ("n0", "n1")
    assert placements[0].gpus == (tuple(range(8)),) * 2
    assert placements.find("serve").nodes == ("n3",)
    why = placements.explain("huge")
    assert why.feasible == 0
    assert sum(why.reasons.values()) == 4
    assert "INFEASIBLE" in str(why)
    assert placements.explain("serve").reasons  # n0 … n2 are in another zone or full
    ids = cluster.apply(placements)
    assert ids.tolist()[1] == -1
    assert cluster.jobs() == ["train", "serve"]
    cluster.release("train")
    with cluster.what_if() as trial:
        trial.release("serve")
        assert trial.digest() == before
        with pytest.raises(HalError, match="what_if"):
            cluster.jobs()
    assert cluster.jobs() == ["serve"]
    cluster.release(ids[2:])
    assert cluster.digest() == before
    policy = hal.Policy(scorers={hal.policies.BestFit(): 1, hal.policies.Spread(): 2, MostFree(): 1})
    assert hal.place(cluster, jobs[2], policy).counts()[hal.Status.PLACED] == 1


@pytest.mark.parametrize("order", ["given", "priority", "largest_first", "smallest_first", [2, 0, 1]])
def test_answers_come_in_the_given_order_whatever_the_order_of_decision(order: object) -> None:
    jobs = [hal.Job("a", cpus=1, gpus=4), hal.Job("b", cpus=8, gpus=8, priority=1), hal.Job("c", cpus=2)]
    cluster = small()
    placements = hal.place(cluster, jobs, "first_fit", order=order)
    assert [p.job for p in placements] == ["a", "b", "c"]
    ids = cluster.apply(placements)
    cluster.release(ids[1:2])
    assert sorted(cluster.jobs()) == ["a", "c"]
    for job in jobs:
        assert placements.find(job.name).placed


def test_an_order_decides_who_comes_first() -> None:
    cluster = hal.Cluster([hal.Node("n", cpus=4)])
    jobs = [hal.Job("low", cpus=4), hal.Job("high", cpus=4, priority=5)]
    assert [p.placed for p in hal.place(cluster, jobs)] == [True, False]
    assert [p.placed for p in hal.place(cluster, jobs, order="priority")] == [False, True]


def test_misuse_is_typed_and_changes_nothing() -> None:
    cluster = small()
    job = hal.Job("a", cpus=1)
    cluster.apply(hal.place(cluster, job))
    before = cluster.digest()
    for attempt, error, match in (
        (lambda: hal.place(cluster, job), InvalidModel, "runs already"),
        (lambda: hal.place(cluster, [hal.Job("b"), hal.Job("b")]), InvalidModel, "twice"),
        (lambda: hal.place(cluster, ["b"]), InvalidModel, r"jobs\[0\]"),
        (lambda: hal.place(cluster, hal.Job("b"), "bset_fit"), PolicyError, "best_fit"),
        (lambda: hal.place(cluster, hal.Job("b"), 3), PolicyError, "policy = 3"),
        (lambda: hal.place(cluster, [hal.Job("b")], order=[1]), InvalidModel, "order"),
        (lambda: hal.place(cluster, [hal.Job("b")], order="best"), InvalidModel, "order"),
        (lambda: hal.place(cluster, hal.Job("b"), seed=-1), PolicyError, "seed"),
        (lambda: cluster.release("b"), InvalidModel, "'b'"),
        (lambda: cluster.release(["a", "b"]), InvalidModel, "'b'"),
        (lambda: cluster.release(np.array([77])), InvalidModel, "77"),
        (lambda: cluster.add(hal.Node("n0")), InvalidModel, "n0"),
        (lambda: cluster.add([hal.Node("new"), hal.Node("new")]), InvalidModel, "new"),
        (lambda: cluster.update(hal.Node("n0", cpus=0)), InvalidModel, "n0"),
        (lambda: cluster.update(hal.Node("nx")), InvalidModel, "nx"),
        (lambda: cluster.remove("n0"), InvalidModel, "n0"),
        (lambda: cluster.node("nx"), InvalidModel, "nx"),
        (lambda: cluster.columns.colour, AttributeError, "colour"),
    ):
        with pytest.raises(error, match=match):
            attempt()
        assert cluster.digest() == before, match


def test_threads_may_place_on_different_clusters_and_share_one_safely() -> None:
    shared, answers = small(), []

    def work() -> None:
        own = small()
        for i in range(50):
            answers.append(hal.place(own, hal.Job(f"j{i}", cpus=1)).counts()[hal.Status.PLACED])
            answers.append(hal.place(shared, hal.Job("probe", cpus=1)).counts()[hal.Status.PLACED])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [1] * 400


def test_one_job_is_placed_alone_as_in_a_list_with_queues_and_without() -> None:
    queues = hal.QueueTree([hal.Queue("team", maximum={"cpus": 3})])
    cluster = hal.Cluster([hal.Node("n1", cpus=8), hal.Node("n2", cpus=4)])
    for cpus, tree in ((2, None), (2, queues), (4, queues), (9, None)):
        job = hal.Job("small", cpus=cpus, queue="team")
        alone, listed = (hal.place(cluster, jobs, queues=tree)[0] for jobs in (job, [job]))
        assert alone == listed
        assert alone.placed == (cpus == 2)
