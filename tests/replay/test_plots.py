"""Pictures say what the schedule says."""

from __future__ import annotations

import pytest
from hypothesis import given
from matplotlib.figure import Figure

from hal.errors import InvalidModel
from hal.replay import Workload, replay_queue
from hal.replay.plots import _boxes, draw_gantt, draw_utilisation, save_overview, utilisation_steps

from .strategies import workloads


@given(workloads())
def test_gantt_boxes_never_overlap_and_cover_each_job(workload):
    run = replay_queue(workload)
    boxes = list(_boxes(run, run.start.argsort(kind="stable")))
    width = dict.fromkeys(range(len(workload)), 0)
    for job, begin, length in boxes:
        width[job] += length
        assert 0 <= begin < begin + length <= workload.processors
    assert list(width.values()) == workload.procs.tolist()
    for index, (a, low, length) in enumerate(boxes):
        for b, other, size in boxes[:index]:
            in_time = max(run.start[a], run.start[b]) < min(run.end[a], run.end[b])
            assert not (in_time and max(low, other) < min(low + length, other + size))


@given(workloads())
def test_utilisation_steps_hold_the_work(workload):
    run = replay_queue(workload)
    time, used = utilisation_steps(run)
    assert used.max(initial=0) <= workload.processors
    assert used[-1] == 0
    assert int((used[:-1] * (time[1:] - time[:-1])).sum()) == int((workload.run * workload.procs).sum())


def test_drawings_have_what_was_asked(tmp_path):
    run = replay_queue(
        Workload.from_columns(submit=[0, 0, 5], run=[10, 0, 10], procs=[2, 1, 2], processors=2)
    )
    axes = Figure().add_subplot()
    draw_gantt(run, axes, most=1)
    assert axes.get_title().startswith("1 job ")
    draw_utilisation(run, axes)
    assert axes.get_title() == "mean 100.0 %"
    with pytest.raises(InvalidModel, match="at least 1"):
        draw_gantt(run, axes, most=0)
    with pytest.raises(InvalidModel, match="no jobs"):
        save_overview(
            replay_queue(Workload.from_columns(submit=[], run=[], procs=[], processors=2)), tmp_path / "x.png"
        )
