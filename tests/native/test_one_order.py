"""Native scorers that promise one order of the nodes for all jobs; test_native.py has them beside the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import hal
import hal.testing
from tests.native.rules import NODES, Fault


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("n", r"scorer 'faulty' gave -?nan for node 'n2' and a task that asks for nothing"),
        ("r", r"scorer 'faulty' gave 1.5\d* for node 'n2' and a task that asks for nothing"),
        ("u", r"scorer 'faulty' gave -?nan for node 'n2' and a task that asks for nothing"),
        ("s", r"scorer 'faulty' returned status 1 for node 'n2'$"),
        ("w", r"scorer 'faulty' returned status -7 for node 'n2'$"),
    ],
)
def test_a_failing_scorer_of_one_order_is_named_with_the_node(units: Path, kind: str, words: str) -> None:
    cluster = hal.Cluster(hal.Node(f"n{i}", cpus=8 + i, memory="16GiB") for i in range(NODES))
    before = cluster._core.digest()
    data = Fault.of(2, kind)
    policy = hal.Policy([hal.NativeScorer.from_library(units, "faulty", one_order=True, data=data)])
    for _ in range(2):  # also when an index was begun
        with pytest.raises(hal.PolicyError, match=words):
            hal.place(cluster, [hal.Job("a", cpus=1), hal.Job("b", cpus=1)], policy, apply=True)
        assert cluster._core.digest() == before
    data.node = -1
    assert [p.nodes for p in hal.place(cluster, [hal.Job("a", cpus=1)], policy)] == [("n0",)]


def test_one_order_is_asked_about_changed_nodes_only(units: Path) -> None:
    data = Fault.of(-1, "n")
    policy = hal.Policy([hal.NativeScorer.from_library(units, "faulty", one_order=True, data=data)])
    cluster = hal.Cluster.from_arrays(cpu_milli=np.full(1000, 8000), memory_mib=np.full(1000, 1024))
    hal.place(cluster, [hal.Job(f"j{i}", cpus=4, memory=i) for i in range(10)], policy, apply=True)
    assert data.calls <= 10 * 4, "for each: the node that changed, its slot of empty ones, and the score told"


def test_a_false_promise_of_one_order_ranks_as_for_nothing(units: Path) -> None:
    """What cannot be trusted costs quality, never room."""
    cluster = hal.Cluster([hal.Node("a", cpus=8, memory="8GiB"), hal.Node("b", cpus=16, memory="8GiB")])
    wanted = [hal.Job(f"j{i}", cpus=cpus, memory="1GiB") for i, cpus in enumerate([8, 1, 16, 15])]
    mine = hal.NativeScorer.from_library(units, "likes_what_it_fills", one_order=True)
    placed = [p.nodes for p in hal.place(cluster, wanted, hal.Policy([mine]), apply=True)]
    assert placed == [("a",), ("b",), (), ("b",)]
    with pytest.raises(hal.testing.CheckFailed, match="likes_what_it_fills gives"):
        hal.testing.run_check("one_order", mine, max_examples=500)


def test_a_true_promise_of_one_order_passes_the_checks(c_scorer: Path) -> None:
    mine = hal.NativeScorer.from_library(c_scorer, "best_fit", one_order=True)
    hal.testing.run_check("one_order", mine, max_examples=100)
