"""The published savings of PWR with FGD against FGD alone, on the default OpenB trace."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hal.replay import openb
from tests.energy.power_twin import State, watts


@pytest.fixture(scope="module")
def default(traces: Path) -> openb.Experiment:
    return openb.Experiment.load("default", traces / "openb")


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["power+fgd", "power"])
def test_13_to_16_percent_at_20_to_80_percent_load(default: openb.Experiment, policy: str) -> None:
    runs = {name: [openb.run(default, name, seed).power for seed in (42, 43)] for name in (policy, "fgd")}
    saved = 100 * (1 - np.mean(runs[policy], axis=0) / np.mean(runs["fgd"], axis=0))
    at_load = saved[20:81]
    assert at_load.min() >= 13 - 2
    assert at_load.max() <= 16 + 2


def test_the_curve_sums_the_nodes_as_the_twin_does() -> None:
    nodes = openb.Nodes(
        ["a", "b"],
        np.array([96_000, 33_000]),
        np.array([1024, 1024]),
        np.array([2, 0], np.int32),
        np.array([0, 0], np.int32),
        ["T4"],
    )
    tasks = openb.Tasks(
        names=["share", "cpu", "pair"],
        cpu=np.array([7_000, 20_000, 40_000]),
        memory=np.array([1, 1, 1]),
        gpus=np.array([1, 0, 1]),
        gpu_milli=np.array([300, 0, 1000]),
        gpu_models=np.zeros(3, np.int32),
        model_sets=[()],
        specs=[""],
    )
    arrivals, node = np.array([0, 1, 2, 0]), np.array([0, 1, 0, -1], np.int32)
    found = openb.power(nodes, tasks, arrivals, node, np.array([1, 0, 2, 0], np.uint64))
    states = [
        (State(96, 89, "T4", (700, 1000)), State(33, 33, "T4", ())),
        (State(96, 89, "T4", (700, 1000)), State(33, 13, "T4", ())),
        (State(96, 49, "T4", (700, 0)), State(33, 13, "T4", ())),
    ]
    want = [sum(watts(s) for s in pair) for pair in states]
    assert found.tolist() == [*map(float, want), float(want[-1])]
