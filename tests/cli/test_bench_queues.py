"""``hal bench queues``: what it measures, and what it says without traces."""

from __future__ import annotations

import json

import pytest

from hal.cli.app import run
from hal.cli.bench_queues import LOGS, SETTINGS, measure
from hal.replay import Workload


def test_a_figure_holds_the_schedule_it_timed():
    workload = Workload.from_columns(submit=[0, 1], run=[10, 10], procs=[1, 1], processors=1)
    figure, schedule = measure(workload, "easy", "requested", repeat=2)
    assert schedule.wait.tolist() == [0, 9]
    assert (figure.jobs, figure.bsld, figure.wait) == (2, pytest.approx(1.45), 4.5)
    assert figure.speed == 2 / figure.seconds


def test_missing_traces(tmp_path, capsys):
    assert run(["bench", "queues", "--traces", str(tmp_path)]) == 2
    assert "set HAL_TRACES" in capsys.readouterr().err


@pytest.mark.slow
def test_figures_of_the_real_logs(traces, capsys):
    assert run(["bench", "queues", "--traces", str(traces), "--repeat", "1", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert len(figures) == len(LOGS) * len(SETTINGS)
    assert figures[0]["bsld"] == pytest.approx(92.58, abs=0.01)
    assert figures[1]["bsld"] == pytest.approx(63.50, abs=0.01)
