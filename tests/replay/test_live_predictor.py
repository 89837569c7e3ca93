"""A live queue that plans by a predictor: the same schedule as a replay, and each answer for its own use."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import hal
from hal.errors import InvalidModel
from hal.predict import Predictor
from hal.replay import Queue, QueueJob, replay_queue

from .strategies import workloads
from .test_queue import drive


@settings(suppress_health_check=[HealthCheck.filter_too_much])
@given(
    workloads(max_jobs=10),
    st.sampled_from(["none", "easy", "easy_sjbf"]),
    st.sampled_from(["middle", "high"]),
)
def test_live_equals_replay(workload, backfill, hold):
    assume((workload.requested >= 1).all())  # a live queue wants a time limit
    run = replay_queue(
        workload, backfill=backfill, correct="requested", predict=Predictor("similar", hold=hold, fill="high")
    )
    # At one and the same second a replay knows what ends; a live queue waits to be told.
    moments = [*set(workload.submit.tolist()), *run.end.tolist(), *(run.start + workload.requested).tolist()]
    early = workload.run < workload.requested
    assume(len(set(moments)) == len(moments) - int((~early).sum()))
    assume(not set((run.start + run.first_guess).tolist()) & set(run.end[early].tolist()))
    predictor = Predictor("similar", hold=hold, fill="high")
    queue = Queue(workload.processors, backfill=backfill, correct="requested", predict=predictor, grace=1)
    assert drive(queue, workload) == run.start.tolist()
    assert queue.running == ()


class Told:
    """A predictor with fixed answers that writes down what it is told."""

    def __init__(self, **answers: tuple[int, int, int]) -> None:
        self.answers, self.log = answers, []

    def guess(self, now, job, *, requested, procs, user):
        self.log.append((now, "guess", job, requested, procs, user))
        return self.answers[job]

    def started(self, now, job):
        self.log.append((now, "started", job))

    def finished(self, now, job):
        self.log.append((now, "finished", job))

    def withdrawn(self, job):
        self.log.append((None, "withdrawn", job))


def job(name: str, procs: int, **rest) -> QueueJob:
    return QueueJob(name, procs, 1000, user="ann", **rest)


@pytest.mark.parametrize("machine", ["count", "nodes"])
def test_each_answer_has_its_use_and_outlived_ones_grow(machine):
    cluster = hal.Cluster([hal.Node("n", cpus=4)])
    told = Told(a=(100, 1, 1), b=(9, 9, 9), c=(50, 101, 1), d=(200, 100, 1), e=(30, 30, 30), f=(1, 1, 1))
    queue = Queue(4 if machine == "count" else cluster, predict=told)
    assert queue.submit(0, job("a", 2), job("b", 4)).start == ["a"]
    assert queue.submit(0, job("c", 1)).start == []  # it might not be over when `a` makes room for `b`
    assert queue.submit(0, job("d", 1)).start == ["d"]  # it will be, though it is planned to hold longer
    assert queue.finish(90, "d").start == []
    assert queue.tick(101).start == []  # `a` is late: now 160 s are believed
    assert queue.submit(120, job("e", 1)).start == ["e"]
    queue.submit(121, job("f", 1, after={"b": "ok"}))
    queue.cancel(122, "c")
    assert queue.requeue(130, "e").start == ["e"]
    queue.finish(140, "e")
    assert queue.finish(150, "a").start == ["b"]
    assert told.log == [
        (0, "guess", "a", 1000, 2, "ann"),
        (0, "started", "a"),
        (0, "guess", "b", 1000, 4, "ann"),
        (0, "guess", "c", 1000, 1, "ann"),
        (0, "guess", "d", 1000, 1, "ann"),
        (0, "started", "d"),
        (90, "finished", "d"),
        (120, "guess", "e", 1000, 1, "ann"),
        (120, "started", "e"),
        (None, "withdrawn", "c"),
        (130, "finished", "e"),
        (130, "guess", "e", 1000, 1, "ann"),
        (130, "started", "e"),
        (140, "finished", "e"),
        (150, "finished", "a"),
        (150, "started", "b"),
    ]


def test_a_predictor_learns_from_a_live_queue():
    predictor = Predictor("similar")
    queue = Queue(1, predict=predictor)
    for start in range(0, 300, 100):
        queue.submit(start, job(str(start), 1))
        queue.finish(start + 60, str(start))
    assert predictor.submitted(400, "next", requested=1000, user="ann").middle == 60


def test_unknown_sources():
    with pytest.raises(InvalidModel, match="and predictors"):
        Queue(1, predict="actual")
