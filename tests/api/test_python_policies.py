"""Scorers and filters written in Python, and policies as text."""

from __future__ import annotations

import math

import numpy as np
import pytest

import hal
from hal.errors import HalError, PolicyError
from tests.api.clusters import small


class Broken:
    name = "broken"

    def __init__(self, value: object) -> None:
        self.value = value

    def score(self, job: object, nodes: object) -> object:
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


@pytest.mark.parametrize(
    "value",
    [
        ZeroDivisionError("oops"),
        np.zeros(3),
        np.full(4, 2.0),
        np.full(4, math.nan),
        "text",
        None,
        np.zeros((4, 1)),
    ],
    ids=str,
)
def test_a_scorer_that_fails_is_a_policy_error(value: object) -> None:
    cluster = small()
    before = cluster.digest()
    with pytest.raises(PolicyError, match="broken"):
        hal.place(cluster, [hal.Job("a"), hal.Job("b")], hal.Policy({Broken(value): 1}), apply=True)
    assert cluster.digest() == before


class OnlyEven:
    name = "only_even"

    def keep(self, job: object, nodes: object) -> np.ndarray:
        return nodes.index % 2 == 0


def test_a_filter_written_in_python_rejects_with_its_name() -> None:
    policy = hal.Policy(["first_fit"], filters=[OnlyEven()])
    jobs = [hal.Job(f"j{i}", cpus=64) for i in range(3)]
    placements = hal.place(small(), jobs, policy)
    assert [p.nodes for p in placements] == [("n0",), ("n2",), ()]
    assert any("only_even" in reason for reason in placements.explain("j2").reasons)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+",
        "best_fit +",
        "0 * best_fit",
        "best_fit(1,2",
        "pack_spread(2)",
        "pack_spread(q=1)",
        "best_fit + best_fit",
        "pack_spread(0.1, 0.2)",
        "fgd(typical=soon)",
        "1e999*best_fit",
        "x" * 2000,
        "best_fit(steps=-1)",
    ],
)
def test_policy_text_that_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(HalError):
        hal.policies.get(text)


def test_policy_text_composes() -> None:
    policy = hal.policies.get(" 0.5*best_fit +  pack_spread(0.3) ")
    assert policy.scorers == {hal.policies.BestFit(): 0.5, hal.policies.PackSpread(p=0.3): 1}
