"""Speed of batch queues against a plain Python EASY in the same run, with the slowdowns they buy."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from hal.cli.bench_queues import LOGS, SETTINGS, measure
from hal.replay import Workload, read_workload, replay_queue

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "replay"))
from naive_queue import Job, replay

FOLDER = Path(os.environ.get("HAL_TRACES") or "/nonexistent") / "swf"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="HAL_TRACES names no folder of traces")


@pytest.fixture(scope="module", params=LOGS, ids=["kth", "blue", "hpc2n"])
def workload(request) -> Workload:
    return read_workload(FOLDER / request.param)


@pytest.mark.parametrize(("backfill", "predict"), SETTINGS, ids=[setting[0] for setting in SETTINGS])
def test_replay(benchmark, workload, backfill, predict):
    run = benchmark.pedantic(replay_queue, (workload,), {"backfill": backfill, "predict": predict}, rounds=3)
    benchmark.extra_info["jobs"] = len(workload)
    benchmark.extra_info["bsld"] = float(run.bounded_slowdown().mean())


def test_faster_than_plain_python(benchmark):
    whole = read_workload(FOLDER / LOGS[0])
    count = 3000
    part = Workload.from_columns(
        submit=whole.submit[:count],
        run=whole.run[:count],
        procs=whole.procs[:count],
        requested=whole.requested[:count],
        processors=whole.processors,
    )
    jobs = [
        Job(*map(int, row)) for row in zip(part.submit, part.run, part.procs, part.requested, strict=True)
    ]
    begin = time.process_time()
    plain = replay(jobs, whole.processors)
    plain_seconds = time.process_time() - begin
    run = benchmark(replay_queue, part)
    assert run.start.tolist() == plain
    benchmark.extra_info["times_faster"] = plain_seconds / benchmark.stats["min"]
    assert benchmark.extra_info["times_faster"] > 10


def test_conservative_within_20_times_of_easy():
    workload = read_workload(FOLDER / LOGS[2])
    easy, _ = measure(workload, "easy", "requested", repeat=5)
    conservative, run = measure(workload, "conservative", "requested", repeat=3)
    assert (run.start <= run.promise).all()
    assert conservative.seconds < 20 * easy.seconds
