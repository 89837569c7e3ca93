"""FGD sums equal devices up at once; the plain sum, device by device, gives the very same scores."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import hal
from hal.policies import Fgd, TypicalTask
from tests.policies.test_expected_waste import TASKS, job
from tests.policies.waste_twin import Task


@settings(max_examples=40, deadline=None)
@given(
    st.lists(TASKS, min_size=1, max_size=8, unique_by=lambda t: (t.cpu, t.milli, t.gpus, t.models)),
    st.integers(2, 8),
    st.integers(4, 64),
    st.lists(TASKS, min_size=1, max_size=12),
)
def test_equal_devices_score_as_different_ones(
    typical: list[Task], gpus: int, cpus: int, asked: list[Task]
) -> None:
    tasks = [TypicalTask(t.cpu, t.milli, t.gpus, t.models, t.count) for t in typical]
    policy = hal.Policy([Fgd(typical=tasks, coverage=1)])
    scores = []
    for domains in ([0] * gpus, list(range(gpus))):  # devices of different domains are summed up one by one
        devices = [device for domain in domains for device in hal.gpus(1, "A", link=domain)]
        cluster = hal.Cluster([hal.Node("n", cpus=cpus, gpus=devices)])
        answers = hal.place(cluster, [job(i, task) for i, task in enumerate(asked)], policy, apply=True)
        scores.append(np.array(answers.score))
    assert np.array_equal(scores[0], scores[1])
