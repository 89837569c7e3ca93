"""Wishes about nodes decide as a plain sum over all nodes would."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hal

DISKS = ["ssd", "nvme", ""]


def node(name: str, cpus: int, disk: str, zone: str) -> hal.Node:
    labels = {"zone": zone, **({"disk": disk} if disk else {})}
    return hal.Node(name, cpus=cpus, labels=labels)


nodes = st.lists(
    st.tuples(st.integers(2, 6), st.sampled_from(DISKS), st.sampled_from("ab")), min_size=1, max_size=6
)
wishes = st.lists(
    st.tuples(
        st.sampled_from(
            [
                hal.Selector("disk", "In", ["ssd"]),
                hal.Selector("disk", "Exists"),
                hal.Selector("disk", "NotIn", ["nvme"]),
                hal.Selector("zone", "In", ["b"]),
            ]
        ),
        st.sampled_from([0.25, 0.7310585, 2.4142136]),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda wish: (wish[0].key, wish[0].op),
)


def holds(one: hal.Selector, labels: dict[str, str]) -> bool:
    value = labels.get(one.key)
    if one.op == "NotIn":
        return value not in one.values
    return value in one.values if one.op == "In" else value is not None


@given(nodes, wishes, st.integers(0, 8))
def test_agrees_with_a_sum_over_all_nodes(
    given_nodes: list[tuple[int, str, str]], given_wishes: list[tuple[hal.Selector, float]], before: int
) -> None:
    made = [node(f"n{k}", *fields) for k, fields in enumerate(given_nodes)]
    cluster = hal.Cluster(made)
    hal.place(cluster, [hal.Job(f"old{k}", cpus=1) for k in range(before)], "worst_fit", apply=True)
    rules = [hal.Prefer([one], weight=weight) for one, weight in given_wishes]
    job = hal.Job("j", cpus=1, rules=rules)
    survey = hal.survey(cluster, hal.Job("plain", cpus=1), "best_fit")
    whole = 1 + sum(weight for _, weight in given_wishes)
    totals = [
        (score + sum(weight for one, weight in given_wishes if holds(one, dict(made[row].labels)))) / whole
        for row, score in enumerate(survey.score.tolist())
    ]
    answer = hal.place(cluster, job, "best_fit")[0]
    fitting = [total for total in totals if total == total]
    assert answer.placed == bool(fitting)
    if fitting:
        assert answer.scores[0] == pytest.approx(max(fitting), abs=1e-6)
        chosen = totals[cluster.node_names().index(answer.nodes[0])]
        assert chosen == pytest.approx(max(fitting), abs=1e-6)


def test_follows_labels_that_change() -> None:
    cluster = hal.Cluster([hal.Node("n0", cpus=4), hal.Node("n1", cpus=4)])
    job = hal.Job("j", cpus=1, rules=[hal.Prefer({"disk": "ssd"})])
    assert hal.place(cluster, job)[0].nodes == ("n0",)
    cluster.update(hal.Node("n1", cpus=4, labels={"disk": "ssd"}))
    assert hal.place(cluster, job)[0].nodes == ("n1",)
    cluster.remove("n1")
    assert hal.place(cluster, job)[0].nodes == ("n0",)


def test_what_is_wrong_is_named() -> None:
    with pytest.raises(hal.InvalidModel, match="weight"):
        hal.Prefer({"disk": "ssd"}, weight=0)
    with pytest.raises(hal.InvalidModel, match="names no label"):
        hal.Job("j", rules=[hal.Prefer({})])
