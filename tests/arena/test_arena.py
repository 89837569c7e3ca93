"""The arena: statistics against plain twins and tables, replays that are paired, one JSON and one page."""

from __future__ import annotations

import itertools
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hal
from hal import arena
from hal.arena import statistics
from hal.arena.statistics import t_quantile
from hal.cli.app import run
from hal.errors import InvalidModel
from hal.replay import openb
from hal.replay.openb.synthetic import synthetic_nodes, synthetic_tasks


@given(st.lists(st.integers(-6, 6), min_size=1, max_size=9))
def test_wilcoxon_counts_every_assignment_of_signs(differences: list[int]) -> None:
    sizes = [abs(value) for value in differences if value]
    ranks = [sum(o < s for o in sizes) + (sum(o == s for o in sizes) + 1) / 2 for s in sizes]
    seen = sum(rank for rank, value in zip(ranks, (v for v in differences if v), strict=True) if value > 0)
    seen = min(seen, sum(ranks) - seen)
    sums = [sum(itertools.compress(ranks, signs)) for signs in itertools.product((0, 1), repeat=len(ranks))]
    plain = min(1.0, 2 * sum(total <= seen for total in sums) / len(sums)) if sizes else 1.0
    assert math.isclose(arena.wilcoxon([float(value) for value in differences]), plain)


def test_many_differences_use_the_normal_law(monkeypatch: pytest.MonkeyPatch) -> None:
    differences = [(-1.0) ** k * k + 12 for k in range(1, 61)]
    exact = arena.wilcoxon(differences)
    monkeypatch.setattr(statistics, "EXACT", 0)
    assert math.isclose(arena.wilcoxon(differences), exact, rel_tol=0.1)


@pytest.mark.parametrize(("freedom", "known"), [(1, 12.706), (2, 4.303), (5, 2.571), (9, 2.262), (30, 2.042)])
def test_quantiles_are_those_of_the_tables(freedom: int, known: float) -> None:
    assert round(t_quantile(0.975, freedom), 3) == known


def _experiment() -> openb.Experiment:
    nodes = synthetic_nodes()
    return openb.Experiment("small", nodes.take(np.arange(0, len(nodes), 20)), synthetic_tasks(400, seed=1))


def test_the_report_is_paired_repeatable_and_whole() -> None:
    policies = {"a": "best_fit", "b": hal.policies.get("worst_fit"), "c": "best_fit"}
    bouts = arena.contest(policies, [_experiment()], range(4), jobs=60)
    found = json.loads(json.dumps(arena.report(bouts), allow_nan=False))
    again = arena.report(arena.contest(policies, [_experiment()], range(4), jobs=60))
    for one, other in zip(found["bouts"], again["bouts"], strict=True):
        assert {k: v for k, v in one.items() if k != "speed"} == {
            k: v for k, v in other.items() if k != "speed"
        }
    same = [row for row in found["comparisons"] if (row["policy"], row["against"]) == ("a", "c")]
    for row in same[:-1]:  # the same policy twice: ties everywhere, and no mark
        assert (row["wins"], row["losses"], row["ties"], row["p"], row["mark"]) == (0, 0, 4, 1.0, "")
    assert same[-1]["p"] is None  # speed decides nothing
    assert found["wins"]["a"]["c"] == found["wins"]["c"]["a"] == 0
    packed, spread = (found["summary"][name]["allocation"]["mean"] for name in "ab")
    assert packed > spread
    page = arena.page(found)
    assert page.count("<svg") == 1 + len(arena.METRICS)
    assert not re.search(r"https?://|src=|@import", page)  # self-contained
    with pytest.raises(InvalidModel, match="two policies"):
        arena.contest({"a": "best_fit"}, [_experiment()], [1])


def test_waits_end_when_work_does() -> None:
    waited = arena.waits(_experiment(), hal.policies.get("worst_fit"), 3, jobs=400)
    assert waited.size
    assert (waited >= 0).all()
    assert waited.max() > 0


def test_the_command_writes_json_and_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, html = tmp_path / "a.json", tmp_path / "a.html"
    asked = ["arena", "--policies", "first_fit,hal.policies:WorstFit", "--tasks", "150", "--jobs", "20"]
    assert run([*asked, "--seeds", "1:3", "--out", str(out), "--html", str(html), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads(out.read_text())
    assert printed["policies"] == ["first_fit", "hal.policies:WorstFit"]
    assert html.read_text().startswith("<!doctype html>")
    for wrong in (["--policies", "first_fit,first_fit"], ["--traces", "x.swf"], ["--seeds", "3:1"]):
        assert run([*asked, *wrong]) == 2
    assert "hal replay swf" in capsys.readouterr().err
