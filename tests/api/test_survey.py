from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hal

sizes = st.tuples(st.integers(1, 16), st.integers(0, 4), st.booleans())


@given(
    st.lists(sizes, min_size=1, max_size=8),
    sizes,
    st.sampled_from(["best_fit", "spread", "pack_spread(0.3)"]),
)
def test_agrees_with_explaining_and_with_placing_on_each_node(
    nodes: list[tuple[int, int, bool]], asked: tuple[int, int, bool], policy: str
) -> None:
    described = [
        hal.Node(f"n{i}", cpus=cpus, memory="8GiB", gpus=hal.gpus(gpus, "T4"), schedulable=is_open)
        for i, (cpus, gpus, is_open) in enumerate(nodes)
    ]
    cluster = hal.Cluster(described)
    cluster.remove("n0")
    job = hal.Job("j", cpus=asked[0], gpus=asked[1])
    told, explained = hal.survey(cluster, job, policy), hal.explain(cluster, job, policy, top=100)
    assert Counter(told.reasons[i] for i in told.reason if i >= 0) == explained.reasons
    fits = {
        name: score for name, score in zip(cluster.node_names(), told.score, strict=True) if score == score
    }
    assert fits == {name: score for name, score, _ in explained.top}
    assert np.array_equal(np.isnan(told.score), told.reason >= 0)
    for node, reason, lasts in zip(described[1:], told.reason, told.lasts, strict=True):
        assert hal.place(hal.Cluster([node]), job, "first_fit")[0].placed == (reason < 0) == (not lasts)


@given(st.integers(0, 5), st.integers(0, 4), st.integers(1, 8), st.booleans())
def test_what_lasts_is_what_would_not_fit_if_nothing_ran(
    gpus: int, busy: int, cpus: int, tolerates: bool
) -> None:
    taint, through = hal.Taint("x", "", "NoExecute"), [hal.Toleration("x", "Exists")]
    nodes = [hal.Node("a", cpus=6, gpus=hal.gpus(4, "T4"), taints=[taint]), hal.Node("b", cpus=4)]
    cluster = hal.Cluster(nodes)
    cluster.bind(hal.Job("old", cpus=1, gpus=busy, tolerations=through), ["a"])
    job = hal.Job("j", cpus=cpus, gpus=gpus, tolerations=through if tolerates else [])
    told = hal.survey(cluster, job)
    for node, reason, lasts in zip(nodes, told.reason, told.lasts, strict=True):
        empty = hal.place(hal.Cluster([node]), job)[0].placed
        assert lasts == (not empty)
        assert empty or reason >= 0


def test_rules_count_and_nothing_changes() -> None:
    cluster = hal.Cluster([hal.Node("a", cpus=4), hal.Node("b", cpus=4)])
    first = hal.Job("x", cpus=1, labels={"app": "db"}, rules=[hal.AntiAffinity({"app": "db"})])
    cluster.bind(first, ["a"])
    before = cluster.digest()
    told = hal.survey(cluster, hal.Job("y", cpus=1, labels={"app": "db"}))
    assert told.reason.tolist() == [0, -1]
    assert "app" in told.reasons[0]
    assert cluster.digest() == before
    with pytest.raises(hal.PolicyError):
        hal.survey(cluster, first, "nobody")
