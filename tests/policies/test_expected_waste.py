"""Expected waste: its value against a plain twin, and what it wins on real traces."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hal
from hal.policies import ExpectedWaste, TypicalTask
from hal.replay import openb
from tests.policies.waste_twin import Task, Waste

TASKS = st.builds(
    lambda cpu, gpus, milli, models, count: Task(
        cpu, milli if gpus == 1 else 1000 * (gpus > 0), gpus, models if gpus else (), count
    ),
    st.integers(1, 40).map(lambda n: 500 * n),
    st.sampled_from([0, 1, 1, 1, 2, 4]),
    st.sampled_from([190, 250, 470, 500, 810, 1000]),
    st.sampled_from([(), (), ("A",), ("B",)]),
    st.integers(1, 50),
)
TYPICAL = st.lists(TASKS, min_size=1, max_size=6, unique_by=lambda t: (t.cpu, t.milli, t.gpus, t.models))


def policy(tasks: list[Task], **more: int) -> hal.Policy:
    typical = [TypicalTask(t.cpu, t.milli, t.gpus, t.models, t.count) for t in tasks]
    return hal.Policy([ExpectedWaste(typical=typical, **more)])


def job(number: int, task: Task) -> hal.Job:
    return hal.Job(
        f"j{number}", cpus=task.cpu / 1000, gpus=task.milli / 1000 if task.gpus == 1 else task.gpus
    )


@settings(max_examples=10)
@given(
    TYPICAL, st.sampled_from([0, 1, 2, 3, 4, 9]), st.integers(1, 64), st.lists(TASKS, min_size=1, max_size=8)
)
def test_scores_are_the_formulas(tasks: list[Task], gpus: int, cpus: int, asked: list[Task]) -> None:
    decided, twin = policy(tasks, rehearsals=1), Waste(tasks, "A", 1000 * cpus)
    cluster = hal.Cluster([hal.Node("n", cpus=cpus, memory=0, gpus=hal.gpus(gpus, "A") if gpus else ())])
    free, cpu = [1000] * gpus, 1000 * cpus
    for number, task in enumerate(asked):
        answers = hal.place(cluster, job(number, task), decided, apply=True)
        fits = cpu >= task.cpu and sum(g >= task.milli for g in free) >= task.gpus
        assert answers[0].placed == fits
        if not fits:
            continue
        assert answers.score[0] == pytest.approx(twin.score(free, cpu, task), abs=2**-31)
        for g in answers[0].gpus[0]:
            free[g] -= task.milli
        cpu -= task.cpu


def test_rehearsing_gives_the_same_answers_every_time() -> None:
    tasks = [Task(4000, 470, 1, (), 5), Task(2000, 810, 1, (), 9), Task(8000, 1000, 2, (), 1)]
    jobs = [job(number, tasks[number % 3]) for number in range(60)]
    answers = []
    for _ in range(2):
        cluster = hal.Cluster([hal.Node(f"n{i}", cpus=32, gpus=hal.gpus(4, "A")) for i in range(6)])
        placed = hal.place(cluster, jobs, policy(tasks, rehearsals=4), apply=True)
        answers.append([(answer.nodes, answer.gpus) for answer in placed])
    assert answers[0] == answers[1]


def gain(trace: str, traces: Path, seeds: list[int]) -> tuple[float, float]:
    experiment = openb.Experiment.load(trace, traces / "openb")
    runs = [openb.run(experiment, "expected_waste", seed) for seed in seeds]
    (margin,) = openb.margins(runs, openb.read_published(traces / "openb"), against="fgd")
    return margin.gain


def test_allocates_more_than_fgd(traces: Path) -> None:
    assert min(gain("default", traces, [42])) > 0.5


@pytest.mark.slow
@pytest.mark.parametrize("trace", openb.TRACES)
def test_allocates_more_than_fgd_on_every_trace(trace: str, traces: Path) -> None:
    assert min(gain(trace, traces, [42, 43, 44])) > 0.3
