"""Predictors: online, with a cold start, trained, tested for drift, and without scikit-learn where they predict."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.errors import InvalidModel
from hal.predict import BASELINES, FEATURES, Model, ModelStore, Predictor, RuntimeGuess
from hal.predict.drift import drift
from hal.predict.train import train
from hal.replay import Workload, read_workload, replay_queue
from tests.replay.strategies import workloads


def part(workload: Workload, count: int) -> Workload:
    columns = ("job", "submit", "run", "procs", "requested", "user")
    return replace(workload, **{name: getattr(workload, name)[:count] for name in columns})


@pytest.fixture(scope="module")
def kth(traces) -> Workload:
    return part(read_workload(traces / "swf" / "KTH-SP2_sc15_oracle.csv.gz"), 1200)


@pytest.fixture(scope="module")
def learned(kth):
    """A predictor after a replay, with the schedule that it made."""
    predictor = Predictor("boosting")
    run = replay_queue(kth, order="aged_sjf", backfill="easy_sjbf", correct="requested", predict=predictor)
    assert predictor.trained >= 2
    return predictor, run


def later_runs_changed(workload: Workload, end: np.ndarray, moment: int, by: np.ndarray) -> Workload:
    """Let everything that ends at or after a moment run longer."""
    return replace(workload, run=np.where(end >= moment, workload.run + by, workload.run))


@given(
    workloads(max_jobs=25, overruns=True), st.sampled_from(["similar", "last_two", "user_median"]), st.data()
)
def test_what_has_not_ended_is_not_known(workload, kind, data):
    def guesses(w: Workload):
        return replay_queue(w, backfill="easy_sjbf", order="sjf", predict=Predictor(kind))

    run = guesses(workload)
    moment = data.draw(st.sampled_from(sorted(set(workload.submit.tolist()))), label="moment")
    count = len(workload)
    by = np.array(data.draw(st.lists(st.integers(0, 500), min_size=count, max_size=count), label="longer"))
    other = guesses(later_runs_changed(workload, run.end, moment, by))
    known = workload.submit <= moment
    assert other.first_guess[known].tolist() == run.first_guess[known].tolist()


@pytest.mark.slow
def test_what_has_not_ended_is_not_known_to_a_model(kth, learned):
    _, run = learned
    moment = int(kth.submit[900])
    by = np.random.default_rng(1).integers(1, 90_000, len(kth))
    changed = later_runs_changed(kth, run.end, moment, by)
    other = replay_queue(
        changed, order="aged_sjf", backfill="easy_sjbf", correct="requested", predict=Predictor("boosting")
    )
    known = kth.submit <= moment
    assert (changed.run[known] != kth.run[known]).any()
    assert other.first_guess[known].tolist() == run.first_guess[known].tolist()
    assert other.first_guess.tolist() != run.first_guess.tolist()


def test_live_equals_replay(kth):
    """The same events told one by one give the same guesses, but where several ends fall on one second."""
    run = replay_queue(kth, backfill="easy_sjbf", predict=Predictor("similar"))
    live = Predictor("similar")
    events = [(t, 0, i) for i, t in enumerate(kth.submit.tolist())]
    starts, ends = run.start.tolist(), run.end.tolist()
    events += [(t, 1 if t > starts[i] else 3, i) for i, t in enumerate(ends)]
    events += [(t, 2, i) for i, t in enumerate(starts)]
    same = 0
    for now, kind, i in sorted(events):
        if kind == 2:
            live.started(now, str(i))
        elif kind:
            live.finished(now, str(i))
        else:
            guess = live.submitted(
                now, str(i), requested=int(kth.requested[i]), procs=int(kth.procs[i]), user=str(kth.user[i])
            )
            same += guess.middle == run.first_guess[i]
    assert same > 0.99 * len(kth)


def test_cold_start_is_the_request():
    predictor = Predictor("boosting")
    assert predictor.submitted(0, "a", requested=600, user="x") == (600, 600, 600)
    predictor.started(5, "a")
    assert predictor.submitted(10, "b", requested=600, user="x") == (600, 600, 600)
    predictor.finished(65, "a")
    assert predictor.submitted(70, "c", requested=600, user="x") == RuntimeGuess(60, 60, 600)
    assert predictor.submitted(70, "d", requested=600, user="y") == (600, 600, 600)
    assert predictor.submitted(70, "e", requested=30, user="x").middle == 30


def test_misuse_changes_nothing():
    predictor = Predictor("similar")
    predictor.submitted(0, "a", requested=600)
    for call, message in (
        (lambda: predictor.submitted(1, "a", requested=5), "known already"),
        (lambda: predictor.submitted(1, "b", requested=0), "requested is 0"),
        (lambda: predictor.submitted(1, "b", requested=5, procs=0), "procs 0"),
        (lambda: predictor.finished(1, "a"), "report its start"),
        (lambda: predictor.started(1, "z"), "report its submission"),
        (predictor.for_replay, "used already"),
        (lambda: Predictor("psychic"), "psychic"),
        (lambda: Predictor(memory=1), "memory is 1"),
        (lambda: Predictor(fill="worst"), "'worst'"),
    ):
        with pytest.raises(InvalidModel, match=message):
            call()
    predictor.started(2, "a")
    predictor.finished(3, "a")
    predictor.submitted(4, "b", requested=9)
    predictor.withdrawn("b")


def test_answers_are_ordered_and_at_most_the_request(learned):
    predictor, _ = learned
    rows, _, requested = predictor.samples()
    answers = predictor.model.predict(rows)
    assert (np.diff(answers, axis=1) >= 0).all()
    assert (answers[:, 2] <= np.log(requested) + 1e-4).all()
    one = [predictor.model.predict_one(rows[i : i + 1]) for i in range(50)]
    np.testing.assert_allclose(one, answers[:50], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", ["boosting", "forest"])
def test_shares_are_what_they_say(kind):
    """On runs drawn from a known distribution a quarter ends within low and four fifths within high."""
    random = np.random.default_rng(5)
    rows = np.zeros((3000, len(FEATURES)), dtype=np.float32)
    rows[:, FEATURES.index("request")] = 12.0
    rows[:, FEATURES.index("anchor")] = 5.0
    wide = random.integers(0, 2, 3000)
    rows[:, FEATURES.index("procs")] = wide
    run = np.exp(5.0 + random.normal(0, np.where(wide, 0.8, 0.1)))
    model = Model(train(rows[:2000], run[:2000].astype(np.int64), kind=kind))
    answers = model.predict(rows[2000:])
    shares = (np.log(run[2000:, None]) <= answers).mean(axis=0)
    assert abs(shares[0] - 0.25) < 0.08
    assert abs(shares[2] - 0.8) < 0.08
    spread = answers[:, 2] - answers[:, 0]
    assert spread[wide[2000:] == 1].mean() > 3 * spread[wide[2000:] == 0].mean()
    one = [model.predict_one(rows[i : i + 1]) for i in range(20)]
    np.testing.assert_allclose(one, model.predict(rows[:20]), rtol=1e-5, atol=1e-5)
    assert train(rows[:500], run[:500].astype(np.int64), kind=kind) == train(
        rows[:500], run[:500].astype(np.int64), kind=kind
    )


def test_predicts_where_scikit_learn_cannot_be_imported(learned, tmp_path):
    predictor, _ = learned
    ModelStore(tmp_path).save(predictor.model)
    script = """
import sys
for name in ("sklearn", "skl2onnx", "onnx", "scipy"):
    sys.modules[name] = None
from hal.predict import ModelStore, Predictor
predictor = Predictor("boosting", store=ModelStore(sys.argv[1]))
assert predictor.model is not None
for i in range(30):
    guess = predictor.submitted(100 * i, f"j{i}", requested=7200, procs=4, user="u")
    predictor.started(100 * i + 10, f"j{i}")
    predictor.finished(100 * i + 90, f"j{i}")
assert 0 < guess.middle < 7200, guess
"""
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, timeout=120)


def test_training_in_the_background():
    predictor = Predictor("boosting", background=True)
    for i in range(502):
        predictor.submitted(100 * i, str(i), requested=3600, procs=1 + i % 3, user=str(i % 7))
        predictor.started(100 * i + 1, str(i))
        predictor.finished(100 * i + 20 + i % 50, str(i))
    predictor.wait_for_training()
    assert predictor.trained == 1
    assert predictor.model is not None


@pytest.mark.slow
def test_a_model_that_has_become_worse_is_laid_down():
    """Runtimes first depend on the size, then no longer: the model is worse than the baseline, and goes."""
    predictor = Predictor("boosting", patience=1_000_000)
    for i in range(3000):
        now, procs = 10_000 * i, 1 + 63 * (i * 7919 % 2)
        predictor.submitted(now, str(i), requested=90_000, procs=procs, user="u")
        predictor.started(now + 1, str(i))
        if i == 600:
            assert predictor.trained == 1
        run = (60 if procs == 1 else 6000) if i < 700 else 3000 + i % 100
        predictor.finished(now + 1 + run, str(i))
    assert predictor.laid_down >= 1 or predictor.trained >= 3


def test_baselines_by_hand():
    rows = np.zeros((2, len(FEATURES)), dtype=np.float32)
    rows[:, FEATURES.index("request")] = 9.0
    rows[1, FEATURES.index("anchor")] = 5.0
    rows[0, FEATURES.index("anchor")] = 9.0
    rows[1, FEATURES.index("user_last")] = 1.0
    rows[1, FEATURES.index("user_last_but_one")] = -1.0
    rows[1, FEATURES.index("user_median")] = 0.5
    rows[1, FEATURES.index("user_count")] = np.log1p(2)
    found = {name: baseline(rows).tolist() for name, baseline in BASELINES.items()}
    assert found["request"] == [9.0, 9.0]
    assert found["similar"] == [9.0, 5.0]
    assert found["user_median"] == [9.0, 5.5]
    assert found["last_two"] == [9.0, pytest.approx(np.log((np.exp(6) + np.exp(4)) / 2))]


def test_drift_is_told_from_chance():
    random = np.random.default_rng(4)
    run = random.normal(6, 1, 1000)
    anchor = run + random.normal(0, 0.5, 1000)
    assert not drift(run + random.normal(0, 0.5, 1000), anchor, run).drifted
    better = drift(run + random.normal(0, 0.2, 1000), anchor, run)
    assert better.gain > 0.1
    assert not better.drifted
    worse = drift(run + random.normal(0, 1.5, 1000), anchor, run)
    assert worse.drifted
    assert worse.z < -4
    assert drift(run[:1], run[:1], run[:1]) == (0.0, 0.0, False)
