"""Jobs that wait for each other in a replay, and jobs that come back from their last checkpoint."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.errors import InvalidModel
from hal.replay import Workload, read_swf, replay_queue, requeue_overruns

from .naive_queue import replay
from .strategies import workloads
from .test_queue_replay import jobs_of, peak_use


@st.composite
def graphs(draw, workload: Workload) -> tuple[list[tuple[int, int, str, int]], list[bool]]:
    """Acyclic dependencies between rows in any direction of time, and which jobs fail."""
    count = len(workload)
    rank = draw(st.permutations(range(count)))
    kind, delay = st.sampled_from(["ok", "any", "start"]), st.sampled_from([0, 0, 1, 50])
    entries = draw(
        st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1), kind, delay), max_size=15)
    )
    after = [(i, j, k, d) if rank[i] > rank[j] else (j, i, k, d) for i, j, k, d in entries if i != j]
    return after, draw(st.lists(st.booleans(), min_size=count, max_size=count))


def with_graph(workload: Workload, after, failed) -> Workload:
    return Workload.from_columns(
        submit=workload.submit, run=workload.run, procs=workload.procs, requested=workload.requested,
        user=workload.user, processors=workload.processors, overrun="ignore",
        after=[(i + 1, j + 1, kind, delay) for i, j, kind, delay in after], failed=failed,
    )  # fmt: skip


@given(
    workloads(max_jobs=12),
    st.data(),
    st.sampled_from(["fcfs", "sjf", "wfp3", "fair_share"]),
    st.sampled_from(["none", "easy", "easy_sjbf", "conservative"]),
    st.sampled_from(["requested", "last_two"]),
)
def test_agrees_with_twin(workload, data, order, backfill, predict):
    after, failed = data.draw(graphs(workload))
    workload = with_graph(workload, after, failed)
    options = {"order": order, "backfill": backfill, "predict": predict}
    run = replay_queue(workload, **options)
    jobs = jobs_of(workload)
    bad = {row for row, fails in enumerate(failed) if fails}
    starts = replay(jobs, workload.processors, after=after, failed=bad, **options)
    assert run.start.tolist() == [-1 if start is None else start for start in starts]
    assert run.entered.tolist() == [job.entered for job in jobs]
    assert run.ran.tolist() == [start is not None for start in starts]
    for row, other, kind, delay in after:
        if run.ran[row]:
            assert run.ran[other] or kind == "any"
            if run.ran[other]:
                moment = run.start[other] if kind == "start" else run.end[other]
                assert run.start[row] >= run.entered[row] >= moment + delay
    some = run.of_those_that_ran()
    assert some.wait.tolist() == run.wait[run.ran].tolist()
    assert (run.wait[~run.ran] == -1).all()


@given(workloads(max_jobs=12), st.data())
def test_order_functions_see_rows_and_when_jobs_entered(workload, data):
    after, failed = data.draw(graphs(workload))
    workload = with_graph(workload, after, failed)
    seen: dict[int, int] = {}

    def first_entered(now, waiting):
        seen.update(zip(waiting.row.tolist(), waiting.submit.tolist(), strict=True))
        assert (waiting.requested == workload.requested[waiting.row]).all()
        assert (waiting.wait == now - waiting.submit).all()
        return -waiting.predicted

    own = replay_queue(workload, order=first_entered)
    assert own.start.tolist() == replay_queue(workload, order="ljf").start.tolist()
    assert all(own.entered[row] == moment for row, moment in seen.items())


def small(**more) -> Workload:
    return Workload.from_columns(
        submit=[0, 1, 2, 3], run=[10, 10, 10, 10], procs=[1, 1, 1, 1], processors=4, **more
    )


def test_kinds_and_delays_by_hand():
    run = replay_queue(small(after=[(2, 1, "ok"), (3, 1, "start", 5), (4, 2, "any", 7)]))
    assert run.start.tolist() == [0, 10, 5, 27]
    assert run.wait.tolist() == [0, 0, 0, 0]


def test_what_waits_for_a_failed_job_never_runs():
    after = [(2, 1, "ok"), (3, 2, "start"), (4, 2, "any")]
    run = replay_queue(small(after=after, failed=[True, False, False, False]))
    assert run.start.tolist() == [0, -1, -1, 10]  # the last waits for the end of one that never comes
    assert run.summary()["jobs"] == 2
    assert run.utilisation == pytest.approx(20 / 80)
    assert np.isnan(run.bounded_slowdown()).tolist() == [False, True, True, False]


@pytest.mark.parametrize(
    ("after", "message"),
    [
        ([(1, 2, "ok"), (2, 3, "any"), (3, 1, "start")], r"circle: (1 → 2|2 → 3|3 → 1|1 → 3|3 → 2|2 → 1)"),
        ([(1, 1, "ok")], "circle: 1 → 1"),
        ([(1, 9, "ok")], "no job 9"),
        ([(1, 2, "soon")], "'soon'"),
        ([(1, 2)], "give"),
        ([(1, 2, "ok", -1)], "delay is -1"),
        ([(1, 2, "ok", 0.5, 3)], "give"),
    ],
)
def test_bad_dependencies(after, message):
    with pytest.raises(InvalidModel, match=message):
        small(after=after)


def test_a_number_that_comes_twice_is_no_name():
    with pytest.raises(InvalidModel, match="number 7 comes twice"):
        Workload.from_columns(submit=[0, 1], run=[1, 1], procs=[1, 1], job=[7, 7], after=[(7, 7, "ok")])


def test_the_core_checks_what_it_is_handed():
    workload = small(after=[(2, 1, "ok"), (3, 2, "ok")])
    after = workload.after
    for change, message in [
        ({"row": after.row + 9}, "beyond the jobs"),
        ({"kind": after.kind + 3}, "unknown kind"),
        ({"delay": after.delay - 1}, "delay is -1"),
        ({"other": np.array([2, 1], dtype=np.uint32)}, "circle"),
        ({"delay": after.delay[:1]}, "one length"),
    ]:
        broken = dataclasses.replace(workload, after=dataclasses.replace(after, **change))
        with pytest.raises(InvalidModel, match=message):
            replay_queue(broken)
    with pytest.raises(InvalidModel, match="failed has 1 entries"):
        replay_queue(dataclasses.replace(workload, failed=np.ones(1, dtype=np.uint8)))


def test_jobs_left_out_bind_nobody():
    workload = Workload.from_columns(
        submit=[0, 1], run=[-1, 5], procs=[1, 1], processors=1, after=[(2, 1, "ok")]
    )
    assert replay_queue(workload).start.tolist() == [1]


def test_think_times_of_a_log(tmp_path):
    def line(job, submit, run, before=-1, think=-1):
        return f"{job} {submit} -1 {run} 1 -1 -1 1 {run} -1 1 1 -1 -1 -1 -1 {before} {think}"

    log = tmp_path / "log.swf"
    log.write_text(
        "; MaxProcs: 1\n"
        + "\n".join([line(1, 0, 100), line(2, 500, 10, 1, 20), line(3, 900, 10, 2), line(4, 50, 5)])
    )
    plain = Workload.from_swf(read_swf(log))
    assert replay_queue(plain).start.tolist() == [0, 100, 500, 900]
    fed = Workload.from_swf(read_swf(log), think_times=True)
    run = replay_queue(fed)
    assert fed.job.tolist() == [1, 2, 3, 4]
    assert run.entered.tolist() == [0, 120, 130, 50]
    assert run.start.tolist() == [0, 120, 130, 100]


@given(workloads(max_jobs=10, overruns=True), st.integers(1, 120))
def test_requeued_jobs_run_what_they_had_not_saved(workload, checkpoint):
    split = requeue_overruns(workload, checkpoint=checkpoint)
    run = replay_queue(split)
    assert (split.run <= split.requested).all()
    assert peak_use(run.start, split) <= workload.processors
    for row, number in enumerate(workload.job.tolist()):
        limit, left, parts = int(workload.requested[row]), int(workload.run[row]), []
        while left > limit and limit // checkpoint:
            parts.append(limit)
            left -= limit // checkpoint * checkpoint
        parts.append(min(left, limit))
        rows = np.flatnonzero(split.job == number)
        assert split.run[rows].tolist() == parts
        assert (run.entered[rows][1:] == run.end[rows][:-1]).all()


def test_followers_of_requeued_jobs():
    log = Workload.from_columns(
        submit=[0, 0, 0], run=[150, 10, 10], procs=[1, 1, 1], requested=[100, 10, 10], processors=3,
        overrun="ignore", after=[(2, 1, "start"), (3, 1, "ok")],
    )  # fmt: skip
    split = requeue_overruns(log, checkpoint=50)
    assert split.job.tolist() == [1, 1, 2, 3]
    assert replay_queue(split).start.tolist() == [0, 100, 0, 150]


@pytest.mark.parametrize(("checkpoint", "message"), [(0, "at least 1"), (1, "more than 10000 times")])
def test_bad_checkpoints(checkpoint, message):
    log = Workload.from_columns(
        submit=[0], run=[2**31 - 2], procs=[1], requested=[5], processors=1, overrun="ignore"
    )
    with pytest.raises(InvalidModel, match=message):
        requeue_overruns(log, checkpoint=checkpoint)
