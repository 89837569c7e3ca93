"""What jobs go through is recorded together where it can be, and taken back exactly, whatever marks lie between."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import hal

STEPS = st.lists(
    st.one_of(
        st.just(("mark", 0, 0)),
        st.just(("back", 0, 0)),
        st.tuples(st.just("place"), st.sampled_from([1, 1, 1, 2]), st.integers(0, 2)),
        st.tuples(st.just("columns"), st.integers(0, 3), st.integers(0, 2)),
        st.tuples(st.just("release"), st.integers(0, 9), st.just(0)),
    ),
    max_size=20,
)
SHAPES = [
    {"cpus": 1, "gpus": 0.3},
    {"cpus": 2, "gpus": 1},
    {"cpus": 3},
]


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_marks_are_found_again(steps: list[tuple[str, int, int]]) -> None:
    cluster = hal.Cluster([hal.Node(f"n{i}", cpus=8, gpus=hal.gpus(2, "A")) for i in range(3)])
    policy = hal.Policy(["fgd"])  # learns what was seen, which is taken back too
    marks: list[tuple[int, int, list[str], hal.Job]] = []

    def ask() -> tuple[str, ...]:
        return hal.place(cluster, hal.Job("probe", **SHAPES[0]), policy)[0].nodes

    answers: list[tuple[str, ...]] = []
    for number, (what, count, shape) in enumerate(steps):
        match what:
            case "mark":
                answers.append(ask())
                marks.append((cluster._core.mark(), cluster.digest(), sorted(cluster.jobs())))
            case "back" if marks:
                mark, digest, jobs = marks.pop()
                cluster._core.rollback(mark)
                assert cluster.digest() == digest
                assert sorted(cluster.jobs()) == jobs
                assert ask() == answers.pop()
            case "place":
                job = hal.Job(f"j{number}", tasks=count, **SHAPES[shape])
                hal.place(cluster, job, policy, apply=True)
            case "columns":
                rows = np.full(count, shape, np.int32)
                shapes = [hal.Job(f"s{i}", **asked) for i, asked in enumerate(SHAPES)]
                hal.place(cluster, hal.JobColumns.from_shapes(rows, shapes), policy, apply=True)
            case "release" if cluster.jobs():
                running = sorted(cluster.jobs())
                cluster.release(running[count % len(running)])
    while marks:
        mark, digest, _ = marks.pop()
        cluster._core.rollback(mark)
        assert cluster.digest() == digest
        assert ask() == answers.pop()
