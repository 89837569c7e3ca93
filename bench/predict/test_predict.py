"""Speed of predictions: one at a time as a scheduler asks, and in batches, with their accuracy beside."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hal.predict import Predictor, accuracy
from hal.replay import read_workload, replay_queue

FOLDER = Path(os.environ.get("HAL_TRACES") or "/nonexistent") / "swf"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="HAL_TRACES names no folder of traces")


@pytest.fixture(scope="module")
def learned():
    whole = read_workload(FOLDER / "KTH-SP2_sc15_oracle.csv.gz")
    columns = ("job", "submit", "run", "procs", "requested", "user")
    part = replace(whole, **{name: getattr(whole, name)[:6000] for name in columns})
    predictor = Predictor("boosting")
    run = replay_queue(part, backfill="easy_sjbf", predict=predictor)
    return predictor, accuracy(run.first_guess, part.run)


def cpu(function, *, rounds: int) -> float:
    """Return the least CPU seconds of a call."""
    best = float("inf")
    for _ in range(rounds):
        begin = time.process_time()
        function()
        best = min(best, time.process_time() - begin)
    return best


def test_batch(benchmark, learned):
    predictor, reached = learned
    rows = np.tile(predictor.samples()[0], (10, 1))[:50_000]
    benchmark(predictor.model.predict, rows)
    speed = len(rows) / cpu(lambda: predictor.model.predict(rows), rounds=5)
    benchmark.extra_info.update(per_cpu_second=speed, accuracy=reached)
    assert speed > 200_000


def test_one(benchmark, learned):
    """Features, model and answer: all that stands between a submission and a guess."""
    predictor, reached = learned
    number = 0
    now = 10**9
    predictor.submitted(
        now, "first", requested=7200, procs=4, user="5"
    )  # a user without history gets the request
    predictor.started(now, "first")
    predictor.finished(now + 600, "first")

    def one():
        nonlocal number
        number += 1
        return predictor.submitted(now + 700, str(number), requested=7200, procs=4, user="5")

    benchmark.pedantic(one, rounds=50, iterations=100, warmup_rounds=5)
    seconds = cpu(lambda: [one() for _ in range(100)], rounds=50) / 100
    benchmark.extra_info.update(microseconds=1e6 * seconds, accuracy=reached)
    assert seconds < 30e-6
