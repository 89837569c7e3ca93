"""The core's features against their plain twin, and misuse of the history."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal import _core
from hal.errors import InvalidModel
from hal.predict import FEATURES

from .naive_history import NaiveHistory

steps = st.tuples(
    st.sampled_from(["submit", "submit", "start", "end", "end", "withdraw"]),
    st.integers(0, 4000),  # seconds since the step before
    st.integers(0, 30),  # which of the jobs that qualify
    st.sampled_from([1, 60, 3600, 3601, 90_000]),
    st.sampled_from([1, 2, 3, 64]),
    st.integers(0, 2),
)


@given(st.lists(steps, max_size=120))
def test_agrees_with_twin(steps):
    history, twin = _core.JobHistory(8), NaiveHistory()
    row = np.zeros((1, len(FEATURES)), dtype=np.float32)
    now = count = 0
    waiting: list[int] = []
    running: dict[int, int] = {}
    ended = []
    for kind, passed, which, requested, procs, user in steps:
        now += passed
        if kind == "submit":
            history.submitted(count, now, requested, procs, user, row)
            expected = twin.submitted(count, now, requested, procs, user)
            assert list(expected) == list(FEATURES)
            np.testing.assert_allclose(row[0], list(expected.values()), rtol=2e-5, atol=2e-5)
            waiting.append(count)
            ended.append(row.copy())
            count += 1
        elif kind == "start" and waiting:
            job = waiting.pop(which % len(waiting))
            running[job] = now
            history.started(job, now)
            twin.started(job, now)
        elif kind == "end" and running:
            job = list(running)[which % len(running)]
            run = now - running.pop(job)
            history.finished(job, now, run)
            twin.finished(job, now, run)
        elif kind == "withdraw" and waiting:
            job = waiting.pop(which % len(waiting))
            history.withdrawn(job)
            twin.withdrawn(job)
    rows, run, requested = history.samples()
    last = twin.ended[-8:]
    assert run.tolist() == [twin.jobs[i]["run"] for i in last]
    assert requested.tolist() == [twin.jobs[i]["requested"] for i in last]
    assert rows.tolist() == [ended[i][0].tolist() for i in last]
    assert history.ended == len(twin.ended)


def test_misuse():
    with pytest.raises(InvalidModel, match="memory is 0"):
        _core.JobHistory(0)
    history = _core.JobHistory(10)
    row = np.zeros((1, len(FEATURES)), dtype=np.float32)
    history.submitted(0, 5, 60, 1, 0, row)
    assert not history.knows(0)
    with pytest.raises(InvalidModel, match="submitted before"):
        history.submitted(0, 6, 60, 1, 0, row)
    for call in (lambda: history.finished(0, 7, 1), lambda: history.finished(1, 7, 1)):
        with pytest.raises(InvalidModel, match="is not running"):
            call()
    history.started(0, 7)
    for call in (lambda: history.started(0, 8), lambda: history.started(2, 8)):
        with pytest.raises(InvalidModel, match="is not waiting"):
            call()
    history.submitted(4, 8, 60, 1, 7, row)
    history.started(4, 8)
    history.withdrawn(4)  # stopped: nothing is learned of it
    assert not history.knows(7)
    with pytest.raises(InvalidModel, match="neither waits nor runs"):
        history.withdrawn(4)
    history.finished(0, 9, 2)
    assert history.knows(0)
    with pytest.raises(ValueError, match="one column a feature"):
        history.submitted(3, 10, 60, 1, 0, row[:, :5].copy())
