from __future__ import annotations

import contextlib
import re
from typing import Any

import pytest
from hal.adapters.nomad.constraints import satisfies
from hal.adapters.nomad.convert import group_job
from hal.adapters.nomad.fields import Unsaid
from hypothesis import given
from hypothesis import strategies as st

import hal
from tests.adapters.nomad.harness import NomadHarness, follow
from tests.adapters.nomad.objects import job, node


@pytest.mark.parametrize(
    ("value", "operand", "wanted", "met"),
    [
        ("amd64", "regexp", "^amd.*", True),
        ("arm64", "regexp", "^(amd|x86)", False),
        ("xamdx", "regexp", "amd", True),  # anywhere, as Go looks
        ("1.20.3", "version", ">= 1.20", True),
        ("v1.20.3", "version", ">= 1.0, < 1.20", False),
        ("1.20.3", "version", "~> 1.2", True),
        ("2.0", "version", "~> 1.2", False),
        ("1.20.3", "version", "~> 1.20.1", True),
        ("1.21.0", "version", "~> 1.20.1", False),
        ("1.20", "version", "1.20.0", True),
        ("1.20.0-beta", "version", ">= 1.0", False),
        ("1.20.3", "semver", "> 1.20.2, != 1.20.4", True),
        ("a,b , c", "set_contains", "c,a", True),
        ("a,b", "set_contains", "c,a", False),
        ("a,b", "set_contains_any", "c,a", True),
        ("9", "<", "10", True),
        ("9.5", ">=", "10", False),
        ("b9", "<", "b10", False),  # text
    ],
)
def test_is_met_as_nomad_means_it(value: str, operand: str, wanted: str, met: bool) -> None:
    assert satisfies(value, operand, wanted) == met


@pytest.mark.parametrize(
    ("operand", "wanted"),
    [
        ("regexp", "(a+)+$"), ("regexp", "(?i)a"), ("regexp", "a**"), ("regexp", "["), ("regexp", ".*.*.*"),
        ("regexp", "(a)\\1"), ("regexp", "x" * 300), ("regexp", "[[a]"), ("regexp", "[a--b]"),
        ("version", "newest"), ("version", ""), ("semver", "~> 1.2"),
        ("version", ">= 1.0-rc1"), ("distinct_property", "2"), ("", "x"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_is_said(operand: str, wanted: str) -> None:
    with pytest.raises(Unsaid):
        satisfies("a", operand, wanted)


VERSIONS = st.lists(st.integers(0, 3), min_size=1, max_size=4)


@given(VERSIONS, st.sampled_from(["=", "!=", "<", "<=", ">", ">=", "~>"]), VERSIONS)
def test_versions_agree_with_comparing_part_by_part(own: list[int], operand: str, bound: list[int]) -> None:
    def part(parts: list[int], at: int) -> int:
        return parts[at] if at < len(parts) else 0

    order = 0
    for at in range(4):
        if order == 0:
            order = part(own, at) - part(bound, at)
    met = {
        "=": order == 0, "!=": order != 0, "<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0,
        "~>": order >= 0 and all(part(own, at) == bound[at] for at in range(len(bound) - 1)),
    }[operand]  # fmt: skip
    text = [".".join(map(str, parts)) for parts in (own, bound)]
    assert satisfies(text[0], "version", f"{operand} {text[1]}") == met


@given(
    st.text(max_size=300),
    st.sampled_from(["regexp", "version", "semver", "set_contains", "set_contains_any", "<", ">=", "?"]),
    st.text(max_size=20) | st.from_regex(re.compile(r"[a-c.*+?|()\[\]{}^$\\0-9]{0,12}"), fullmatch=True),
)
def test_any_constraint_is_met_or_not_or_unsaid(value: str, operand: str, wanted: str) -> None:
    with contextlib.suppress(Unsaid):
        assert satisfies(value, operand, wanted) in (True, False)


def test_a_job_goes_where_its_constraints_hold_also_on_nodes_that_come_later(harness: NomadHarness) -> None:
    nomad = harness.nomad
    row = {"LTarget": "${meta.rack}", "Operand": "regexp", "RTarget": "^row-[0-9]$"}
    nomad.register(job("picky", Constraints=[row]))
    adapter = harness.adapter()
    snapshot = adapter.snapshot()
    (waits,) = (one for one in snapshot.jobs if one.name == "picky.main")
    assert not snapshot.dropped or all("picky" not in item.where for item in snapshot.dropped)
    told = hal.place(snapshot.cluster, waits)
    assert not told[0].placed
    assert sum(told.explain("picky.main").reasons.values()) == len(snapshot.nodes)
    late = node("abcd0000-0000-4000-8000-000000000009", "late")
    nomad.add_node({**late, "Meta": {"rack": "row-7"}})
    follow(adapter)
    again = adapter.snapshot()
    (waits,) = (one for one in again.jobs if one.name == "picky.main")
    (placed,) = hal.place(again.cluster, waits)
    assert placed.nodes == ("late-abcd0000",)
    (answer,) = adapter.apply([placed])
    assert answer.outcome.holds
    assert harness.where("picky.main") == ["late-abcd0000"]


def test_a_wish_to_spread_over_nodes_is_one() -> None:
    def converted(**more: Any) -> tuple[hal.Job, list[Any]]:
        raw, dropped = job("j", count=2), []
        raw["TaskGroups"][0] |= more
        return group_job(raw, raw["TaskGroups"][0], "j.main", dropped), dropped

    spread, dropped = converted(
        Spreads=[{"Attribute": "${node.unique.id}", "Weight": 100, "SpreadTarget": None}]
    )
    assert not dropped
    assert hal.Spread({"nomad/group": "j.main"}, weight=1.0) in spread.rules
    cluster = hal.Cluster(
        [hal.Node(f"n{i}", cpus=8, memory=8192, resources={"disk": 9000}, labels=LABELS) for i in "ab"]
    )
    assert len(set(hal.place(cluster, spread, "best_fit")[0].nodes)) == 2
    plain, _ = converted()
    assert len(set(hal.place(cluster, plain, "best_fit")[0].nodes)) == 1
    for listed in (
        {"Attribute": "${node.datacenter}", "Weight": 50},
        {"Attribute": "${node.unique.id}", "Weight": 50, "SpreadTarget": [{"Value": "x", "Percent": 70}]},
    ):
        _, dropped = converted(Spreads=[listed])
        assert [item.field for item in dropped] == ["Spreads"]


LABELS = {"node.datacenter": "dc1", "node.pool": "default", "driver.docker": "1"}


def test_datacenters_may_have_wildcards() -> None:
    raw = job("j", Datacenters=["dc*", "edge"])
    found = group_job(raw, raw["TaskGroups"][0], "j", [], lambda _: ["dc1", "dc2", "x"]).selector
    assert ("node.datacenter", "In", ("dc1", "dc2", "edge")) in [
        (s.key, s.op, tuple(s.values)) for s in found if isinstance(s, hal.Selector)
    ]
