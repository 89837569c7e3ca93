"""Anomalies: found where they were put, and not more often than stated where there are none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from hal.errors import InvalidModel
from hal.predict import slow_nodes, unusual_runs


def fleet(seed: int, *, slow: dict[int, float] | None = None, jobs: int = 3000, nodes: int = 40):
    random = np.random.default_rng(seed)
    node = random.integers(0, nodes, jobs)
    job_class = random.integers(0, 25, jobs)
    scale, spread = np.exp(random.normal(6, 2, 25)), random.uniform(0.05, 1.0, 25)
    run = scale[job_class] * np.exp(random.standard_t(3, jobs) * spread[job_class])
    for which, factor in (slow or {}).items():
        run[node == which] *= factor
    return node, job_class, np.rint(run)


def test_faults_are_found():
    found = slow_nodes(*fleet(1, slow={7: 2.0, 23: 1.6}))
    assert {answer.node for answer in found} == {7, 23}
    assert found[0].node == 7
    assert 1.5 < found[0].slowdown < 2.6
    assert all(answer.p_value <= 0.01 for answer in found)


def test_false_alarms_are_no_more_often_than_stated():
    alarms = sum(bool(slow_nodes(*fleet(seed, jobs=800), false_alarms=0.05)) for seed in range(200))
    assert alarms <= stats.binom.ppf(0.999, 200, 0.05)


def test_one_class_is_the_rank_sum_test():
    random = np.random.default_rng(3)
    node = np.repeat([0, 1], [8, 30])
    run = np.concatenate([random.integers(50, 90, 8), random.integers(30, 60, 30)])
    (found,) = slow_nodes(node, np.zeros(38, dtype=int), run)
    test = stats.mannwhitneyu(
        run[:8], run[8:], alternative="greater", method="asymptotic", use_continuity=False
    )
    assert found.p_value == pytest.approx(2 * test.pvalue)  # Holm: two nodes
    assert found.slowdown == pytest.approx(np.median(run[:8]) / np.median(run[8:]))


def test_nothing_to_compare():
    assert slow_nodes([], [], []) == []
    assert slow_nodes([1] * 9, [0] * 9, range(9)) == []  # a class on one node only
    assert slow_nodes([1, 2] * 9, [0] * 18, [5] * 18) == []  # all the same
    assert unusual_runs([], []) == []


def test_unusual_runs():
    random = np.random.default_rng(0)
    predicted = random.integers(10, 10_000, 500)
    run = predicted * np.exp(random.normal(0, 0.3, 500))
    run[[3, 77]] *= [50, 1 / 200]
    found = unusual_runs(run, predicted)
    assert [answer.row for answer in found[:2]] == [77, 3]
    assert found[0].score < -4 < 4 < found[1].score
    assert len(found) < 10


@pytest.mark.parametrize(
    "call",
    [
        lambda: unusual_runs([1, 2], [1]),
        lambda: unusual_runs([-1], [1]),
        lambda: slow_nodes([1], [1, 2], [1]),
        lambda: slow_nodes([1], [1], [np.nan]),
        lambda: slow_nodes([1], [1], [1], false_alarms=0),
    ],
)
def test_bad_input(call):
    with pytest.raises(InvalidModel):
        call()
