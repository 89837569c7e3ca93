"""The queue engine against its plain twin, and what must hold of every schedule."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hal
from hal.errors import InvalidModel, PolicyError
from hal.replay import Workload, replay_queue

from .naive_queue import Job, Use, order_key, replay
from .strategies import workloads


def jobs_of(workload: Workload, *, priority=None, given=None) -> list[Job]:
    rows = zip(workload.submit, workload.run, workload.procs, workload.requested, workload.user, strict=True)
    jobs = [Job(*map(int, row)) for row in rows]
    for index, job in enumerate(jobs):
        job.priority = 0.0 if priority is None else float(priority[index])
        job.given = 0 if given is None else int(given[index])
    return jobs


def peak_use(start: np.ndarray, workload: Workload) -> int:
    held = workload.run > 0
    begin, end, procs = start[held], (start + workload.run)[held], workload.procs[held].astype(np.int64)
    times = np.concatenate([end, begin])  # ends before starts at the same time
    change = np.concatenate([-procs, procs])
    return int(np.cumsum(change[np.argsort(times, kind="stable")]).max(initial=0))


@settings(max_examples=60)
@given(
    workloads(overruns=False),
    st.sampled_from(["fcfs", "sjf", "ljf", "wfp3", "unicef", "f1"]),
    st.sampled_from(["none", "easy", "easy_sjbf"]),
    st.sampled_from(["requested", "actual", "last_two"]),
    st.sampled_from(["increments", "requested", "doubling"]),
)
def test_agrees_with_twin(workload, order, backfill, predict, correct):
    options = {"order": order, "backfill": backfill, "predict": predict, "correct": correct}
    run = replay_queue(workload, **options)
    assert run.start.tolist() == replay(jobs_of(workload), workload.processors, **options)
    assert (run.wait >= 0).all()
    # By the published rule a job predicted to take no time counts as free at once; only then may use peak higher.
    if predict != "last_two" or workload.run.min(initial=2) >= 2:
        assert peak_use(run.start, workload) <= workload.processors


@settings(max_examples=60)
@given(
    workloads(max_jobs=15),
    st.sampled_from(["fcfs", "sjf", "wfp3", "fair_share"]),
    st.sampled_from(["requested", "actual", "last_two"]),
    st.sampled_from(["increments", "doubling"]),
)
def test_conservative_agrees_with_twin(workload, order, predict, correct):
    options = {"order": order, "backfill": "conservative", "predict": predict, "correct": correct}
    run = replay_queue(workload, **options)
    jobs = jobs_of(workload)
    assert run.start.tolist() == replay(jobs, workload.processors, **options)
    assert run.promise.tolist() == [job.promise for job in jobs]
    assert peak_use(run.start, workload) <= workload.processors
    if predict != "last_two":  # an upper bound
        assert (run.start <= run.promise).all()


@given(workloads(max_jobs=15), st.integers(1, 4), st.integers(1, 300), st.sampled_from([1, 7, 60]))
def test_slots_agree_with_twin(workload, depth, window, resolution):
    options = {
        "backfill": "slots",
        "depth": depth,
        "window": max(window, resolution),
        "resolution": resolution,
    }
    run = replay_queue(workload, **options)
    assert run.start.tolist() == replay(jobs_of(workload), workload.processors, **options)
    assert peak_use(run.start, workload) <= workload.processors


holds = st.lists(
    st.tuples(st.integers(0, 900), st.integers(1, 300), st.integers(1, 12)).map(
        lambda h: (h[0], h[0] + h[1], h[2])
    ),
    max_size=4,
)


@given(workloads(max_jobs=15), holds, st.sampled_from(["conservative", "slots"]), st.sampled_from([60, 4000]))
def test_reservations_are_kept(workload, holds, backfill, window):
    run = replay_queue(workload, backfill=backfill, reservations=holds, window=window)
    for moment in {0, *run.start.tolist(), *(begin for begin, _, _ in holds)}:
        used = int(workload.procs[(run.start <= moment) & (moment < run.end)].sum())
        held = sum(procs for begin, end, procs in holds if begin <= moment < end)
        assert used == 0 or used + held <= workload.processors
    if backfill == "conservative":
        assert (run.start <= run.promise).all()


def test_nobody_looks_again_when_a_due_start_is_done() -> None:
    """The second outlives its prediction at the moment at which it and the third were due and have started."""
    workload = Workload.from_columns(
        submit=[0] * 4, run=[1, 2, 1, 0], procs=[1] * 4, requested=[1, 2, 1, 1], processors=1
    )
    guesses = [0, 0, 1, 0]
    run = replay_queue(workload, backfill="conservative", predict=guesses)
    assert run.start.tolist() == [0, 1, 1, 2]
    assert replay(jobs_of(workload, given=guesses), 1, backfill="conservative", predict="given") == [
        0,
        1,
        1,
        2,
    ]


@given(workloads(overruns=True), st.sampled_from(["easy", "easy_sjbf", "conservative"]), st.data())
def test_agrees_with_twin_when_predictions_are_arbitrary(workload, backfill, data):
    given_runs = data.draw(
        st.lists(st.integers(0, 400), min_size=len(workload), max_size=len(workload)), label="predictions"
    )
    run = replay_queue(workload, backfill=backfill, predict=given_runs)
    twin = replay(
        jobs_of(workload, given=given_runs), workload.processors, backfill=backfill, predict="given"
    )
    assert run.start.tolist() == twin
    assert run.first_guess.tolist() == given_runs


@given(workloads(), st.sampled_from([0.0, 0.5, 3.0]), st.sampled_from([10.0, np.inf]), st.data())
def test_priority_ages_as_in_the_twin(workload, ageing, max_age, data):
    priority = data.draw(
        st.lists(st.integers(-50, 50), min_size=len(workload), max_size=len(workload)), label="priority"
    )
    run = replay_queue(workload, order="priority", priority=priority, ageing=ageing, max_age=max_age)
    twin = replay(
        jobs_of(workload, priority=priority),
        workload.processors,
        order="priority",
        ageing=ageing,
        max_age=max_age,
    )
    assert run.start.tolist() == twin


@given(
    workloads(),
    st.sampled_from(["none", "easy", "easy_sjbf", "conservative", "slots"]),
    st.sampled_from([1.0, 97.5, 604_800.0]),
)
def test_fair_share_agrees_with_twin(workload, backfill, half_life):
    options = {"order": "fair_share", "backfill": backfill, "half_life": half_life, "window": 3600}
    run = replay_queue(workload, **options)
    assert run.start.tolist() == replay(jobs_of(workload), workload.processors, **options)


@given(workloads(), st.floats(10, 1e6))
def test_fair_share_ranks_by_the_history_of_queues(workload, half_life):
    """The average is that of `hal.queues.History`, which takes whole jobs: compared when all have ended."""
    run = replay_queue(workload, order="fair_share", half_life=half_life)
    now = int(run.end.max())
    tree = hal.QueueTree([hal.Queue(f"user{user}") for user in range(3)])
    history = hal.queues.History(tree, half_life=half_life)
    use = defaultdict(lambda: Use(half_life))
    changes = []
    for row in range(len(workload)):
        begin, end, procs, user = (int(c[row]) for c in (run.start, run.end, workload.procs, workload.user))
        history.record(hal.Job("j", cpus=procs, queue=f"user{user}"), start=begin, end=end)
        changes += [(begin, user, procs), (end, user, -procs)]
    for moment, user, procs in sorted(changes):
        use[user].change(moment, procs)
    for user, entry in use.items():
        average = history.average(f"user{user}", now=now)["cpus"]
        assert entry.until(now) == pytest.approx(average, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(("half_life", "starts"), [(604_800, [0, 100, 110, 115]), (5, [0, 100, 115, 110])])
def test_fair_share_forgets(half_life, starts):
    """User 0 has used ten times as much, but user 1 was the last to run."""
    workload = Workload.from_columns(
        submit=[0, 1, 104, 105], run=[100, 10, 5, 5], procs=[1] * 4, user=[0, 1, 1, 0], processors=1
    )
    assert replay_queue(workload, order="fair_share", half_life=half_life).start.tolist() == starts


@given(workloads(), st.sampled_from(["none", "easy", "easy_sjbf"]))
def test_function_order_equals_builtin(workload, backfill):
    def wfp3(now, waiting):
        assert (waiting.wait == now - waiting.submit).all()
        return -((waiting.wait / np.maximum(1, waiting.predicted)) ** 3) * waiting.procs

    own = replay_queue(workload, order=wfp3, backfill=backfill)
    assert own.start.tolist() == replay_queue(workload, order="wfp3", backfill=backfill).start.tolist()


def test_order_keys_by_hand():
    job = Job(submit=100, run=50, procs=8, requested=50, predicted=50, entered=100)
    assert order_key("wfp3", job, 200) == -64.0
    assert order_key("unicef", job, 250) == -1.0
    assert order_key("f1", job, 200) == pytest.approx(8 * np.log10(50) + 1740)


@pytest.fixture
def small() -> Workload:
    return Workload.from_columns(submit=[0, 1, 2], run=[10, 10, 10], procs=[2, 2, 1], processors=2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"order": "lifo"}, "unknown name 'lifo'"),
        ({"backfill": "hard"}, "unknown name 'hard'"),
        ({"predict": "oracle"}, "'oracle'"),
        ({"correct": "never"}, "unknown name 'never'"),
        ({"order": "priority", "ageing": -1.0}, "at least 0"),
        ({"order": "fair_share", "half_life": 0.0}, "half_life is 0"),
        ({"order": "fair_share", "half_life": float("nan")}, "half_life is nan"),
        ({"backfill": "slots", "depth": 0}, "depth is 0"),
        ({"backfill": "slots", "resolution": 0}, "resolution is 0"),
        ({"backfill": "slots", "window": 10}, "window is 10"),
        ({"reservations": [(0, 5, 1)]}, "cannot keep reservations"),
        ({"order": lambda now, waiting: [np.nan] * len(waiting.row)}, "NaN"),
        ({"order": lambda now, waiting: [1.0]}, "keys of shape"),
        ({"order": lambda now, waiting: "first"}, "order function"),
    ],
)
def test_bad_policies(small, options, message):
    with pytest.raises(PolicyError, match=message):
        replay_queue(small, **options)


def test_exceptions_of_an_order_function_pass_through(small):
    def order(now, waiting):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        replay_queue(small, order=order)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"processors": 1}, "wider than the machine of 1"),
        ({"processors": 0}, "processors is 0"),
        ({"predict": [1, 2]}, r"shape \(2,\)"),
        ({"predict": [1, 2, -1]}, "-1 s"),
        ({"predict": [1, 2, np.inf]}, "not finite"),
        ({"priority": [1.0]}, "give 3 finite numbers"),
        ({"backfill": "conservative", "reservations": [(5, 5, 1)]}, "end after the begin"),
    ],
)
def test_bad_input(small, options, message):
    with pytest.raises(InvalidModel, match=message):
        replay_queue(small, **options)


def test_unknown_machine():
    workload = Workload.from_columns(submit=[0], run=[1], procs=[1])
    with pytest.raises(InvalidModel, match="machine's size"):
        replay_queue(workload)
    assert replay_queue(workload, processors=1).start.tolist() == [0]


def test_summary_by_hand(small):
    run = replay_queue(small)
    assert run.wait.tolist() == [0, 9, 18]
    assert run.bounded_slowdown().tolist() == [1.0, 1.9, 2.8]
    assert run.utilisation == pytest.approx(50 / 60)
    assert run.summary()["bsld_mean"] == pytest.approx(1.9)
