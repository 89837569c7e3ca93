"""The live queue: the same schedule as a replay, and everything a replay does not know."""

from __future__ import annotations

import heapq

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from hal.errors import InvalidModel, PolicyError
from hal.replay import Queue, QueueJob, replay_queue

from .strategies import workloads


def drive(queue: Queue, workload) -> list[int]:
    """Report every event of a workload to a live queue and return the starts."""
    starts: dict[str, int] = {}
    ends: list[tuple[int, int, str]] = []
    row = 0
    while row < len(workload) or ends or queue.waiting:
        submit = int(workload.submit[row]) if row < len(workload) else float("inf")
        end = ends[0][0] if ends else float("inf")
        wake = float("inf") if queue.next_wake is None else queue.next_wake
        now = min(submit, end, wake)
        if wake < min(submit, end):
            actions = queue.tick(int(now))
        elif submit <= end:
            job = QueueJob(
                str(row), int(workload.procs[row]), int(workload.requested[row]), user=str(workload.user[row])
            )
            actions = queue.submit(int(now), job)
            row += 1
        else:
            actions = queue.finish(int(now), heapq.heappop(ends)[2])
        for name in actions.start:
            starts[name] = int(now)
            heapq.heappush(ends, (int(now) + int(workload.run[int(name)]), len(starts), name))
    return [starts[str(i)] for i in range(len(workload))]


@settings(suppress_health_check=[HealthCheck.filter_too_much])
@given(workloads(max_jobs=8), st.sampled_from(["easy", "easy_sjbf", "conservative", "slots"]))
def test_live_equals_replay(workload, backfill):
    assume((workload.requested >= 1).all())  # a live queue wants a time limit
    run = replay_queue(workload, backfill=backfill)
    # At one and the same second a replay knows what ends; a live queue waits to be told.
    moments = [*set(workload.submit.tolist()), *run.end.tolist(), *(run.start + workload.requested).tolist()]
    early = workload.run < workload.requested
    assume(len(set(moments)) == len(moments) - int((~early).sum()))
    queue = Queue(workload.processors, backfill=backfill, grace=1)
    assert drive(queue, workload) == run.start.tolist()
    assert queue.free == workload.processors
    assert queue.running == ()


def job(name, procs=1, requested=100, **rest):
    return QueueJob(name, procs, requested, **rest)


@given(workloads(max_jobs=12, overruns=True), st.sampled_from(["easy_sjbf", "conservative", "slots"]))
def test_live_never_exceeds_the_machine(workload, backfill):
    starts = drive(Queue(workload.processors, backfill=backfill, predict="last_two"), workload)
    for moment in starts:
        running = [i for i, start in enumerate(starts) if start <= moment < start + workload.run[i]]
        assert int(workload.procs[running].sum()) <= workload.processors


def test_what_is_believed_to_take_no_time_holds_its_processors():
    queue = Queue(1, predict="given")
    assert queue.submit(0, job("a", predicted=0), job("b", predicted=0)).start == ["a"]
    assert queue.finish(0, "a").start == ["b"]


def test_after_ok_any_and_start():
    queue = Queue(4)
    actions = queue.submit(
        0,
        job("c", after={"b": "ok"}),
        job("d", after={"b": "any"}),
        job("e", after={"a": "start"}),
        job("a"),
        job("b", after={"a": "ok"}),
    )
    assert actions.start == ["a", "e"]
    assert queue.finish(10, "a").start == ["b"]
    actions = queue.finish(20, "b", ok=False)
    assert (actions.start, actions.dropped) == (["d"], {"c": "b failed"})


def test_drops_cascade_and_cancelled_jobs_never_ran():
    queue = Queue(1)
    queue.submit(0, job("a"), job("b"), job("c", after={"b": "ok"}), job("d", after={"c": "start"}))
    actions = queue.cancel(5, "b")
    assert actions.dropped == {"c": "b never ran", "d": "c never ran"}
    assert queue.waiting == ()


def test_circles_are_named_and_change_nothing():
    queue = Queue(4)
    with pytest.raises(InvalidModel, match=r"circle: (a → b → a|b → a → b)"):
        queue.submit(0, job("x"), job("a", after={"b": "ok"}), job("b", after={"a": "any"}))
    assert queue.waiting == queue.running == ()
    assert queue.submit(0, job("a")).start == ["a"]


def test_arrays_keep_to_their_limit_and_are_waited_for_whole():
    queue = Queue(8)
    actions = queue.submit(0, job("a", tasks=3, at_most=2), job("b", after={"a": "ok"}))
    assert actions.start == ["a[0]", "a[1]"]
    assert queue.finish(5, "a[1]").start == ["a[2]"]
    assert queue.finish(6, "a[0]").start == []
    assert queue.finish(7, "a[2]").start == ["b"]


def test_time_limits_are_named_until_the_end_is_reported():
    queue = Queue(1, grace=10)
    queue.submit(0, job("a"), job("b"))
    assert queue.next_wake == 110
    assert queue.tick(109).kill == []
    assert queue.tick(110).kill == ["a"]
    assert queue.next_wake is None
    assert queue.tick(111).kill == ["a"]
    assert queue.finish(112, "a", ok=False).start == ["b"]


@pytest.mark.parametrize(("checkpoint", "limit"), [(None, 100), (30, 40)])
def test_requeued_tasks_ask_for_what_was_not_saved(checkpoint, limit):
    queue = Queue(1)
    queue.submit(0, job("a", checkpoint=checkpoint))
    assert queue.requeue(75, "a").start == ["a"]
    assert queue.next_wake == 75 + limit


def test_reservation_is_in_the_way():
    queue = Queue(2, backfill="conservative", reservations=[(50, 80, 2)])
    assert queue.submit(0, job("a", requested=60), job("b", requested=50)).start == ["b"]
    assert queue.promise("a") == 80
    queue.finish(50, "b")
    assert queue.next_wake == 80
    assert queue.tick(80).start == ["a"]


def test_late_tick_plans_anew():
    queue = Queue(1, backfill="conservative", reservations=[(0, 50, 1)])
    queue.submit(0, job("a"), job("b"))
    assert queue.tick(70).start == ["a"]
    assert queue.next_wake == 170


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"procs": 0}, "procs is 0"),
        ({"requested": 0}, "requested is 0"),
        ({"tasks": 0}, "tasks is 0"),
        ({"at_most": 1}, "for arrays"),
        ({"priority": float("nan")}, "finite"),
        ({"after": {"b": "soon"}}, "'soon'"),
        ({"checkpoint": 0}, "checkpoint is 0"),
    ],
)
def test_bad_jobs(options, message):
    with pytest.raises(InvalidModel, match=message):
        job("a", **options)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda q: q.submit(5, job("a")), "name is taken"),
        (lambda q: q.submit(5, job("x"), job("x")), "name is taken"),
        (lambda q: q.submit(5, job("x", procs=3)), "wider than the machine"),
        (lambda q: q.submit(5, job("x", after={"y": "ok"})), "never submitted"),
        (lambda q: q.submit(-1, job("x")), "before the last event"),
        (lambda q: q.finish(5, "b"), "not running"),
        (lambda q: q.finish(5, "z"), "never submitted"),
        (lambda q: q.cancel(5, "a"), "not waiting"),
        (lambda q: q.requeue(5, "b"), "not running"),
        (lambda q: q.promise("z"), "never submitted"),
        (lambda q: q.finish(-1, "a"), "before the last event"),
    ],
)
def test_misuse_changes_nothing(call, message):
    queue = Queue(2)
    queue.submit(0, job("a", procs=2), job("b"))
    with pytest.raises(InvalidModel, match=message):
        call(queue)
    assert (queue.running, queue.waiting) == (("a",), ("b",))
    assert queue.finish(9, "a").start == ["b"]


def test_options_are_checked():
    with pytest.raises(InvalidModel, match="'actual'"):
        Queue(1, predict="actual")
    with pytest.raises(PolicyError, match="cannot keep reservations"):
        Queue(1, reservations=[(0, 1, 1)])
