"""expected_waste on demand that nobody tuned it for: halves of two published traces, drawn anew."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import pytest

from hal.replay import openb


def mixed(folder: Path, names: tuple[str, str], out: Path, seed: int) -> str:
    """Write a trace of half the tasks of each; orders are drawn for it."""
    draw, rows = random.Random(seed), []
    for name in names:
        with (folder / "openb" / f"openb_pod_list_{name}.csv").open() as file:
            tasks = list(csv.DictReader(file))
        rows += draw.sample(tasks, len(tasks) // 2)
    with out.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows({**row, "name": f"pod-{index}"} for index, row in enumerate(rows))
    return str(out)


def test_rehearsing_keeps_room_for_wide_tasks(traces: Path, tmp_path: Path) -> None:
    """Most of its GPUs are asked for by tasks of 8: without rehearsing, the sequences drawn first lose 3 points."""
    trace = mixed(traces, ("multigpu20", "multigpu50"), tmp_path / "openb_pod_list_mixed.csv", seed=2)
    experiment = openb.Experiment.load(trace)
    fgd, rehearsed, drawn = (
        openb.run(experiment, policy, 42).allocation
        for policy in ("fgd", "expected_waste", "expected_waste(rehearsals=1)")
    )
    assert drawn[100] < fgd[100] - 2
    for percent in (90, 100, 130):
        assert rehearsed[percent] >= fgd[percent]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("names", "seed"),
    [
        (("default", "multigpu20"), 7),
        (("gpushare40", "gpushare100"), 1),
        (("gpuspec10", "gpuspec33"), 3),
        (("cpu050", "cpu250"), 4),
    ],
    ids=["multigpu", "gpushare", "gpuspec", "cpu"],
)
def test_margins_hold_between_the_traces(
    traces: Path, tmp_path: Path, names: tuple[str, str], seed: int
) -> None:
    trace = mixed(traces, names, tmp_path / "openb_pod_list_mixed.csv", seed)
    experiment = openb.Experiment.load(trace)
    fgd, waste = (openb.run(experiment, name, 42).allocation for name in ("fgd", "expected_waste"))
    for percent in (100, 130):
        assert waste[percent] >= fgd[percent] + 0.3
