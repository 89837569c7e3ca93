"""``hal reserve solve`` and ``hal bench reserve``."""

from __future__ import annotations

import json

import pytest

from hal.cli import bench_reserve
from hal.cli.app import run
from hal.reserve import PlanStatus, solve

CLUSTER = "nodes:\n  - {name: n, count: 4, cpus: 64, memory: 512GiB, gpus: {count: 8, model: A100}}\n"
REQUESTS = """
caches: {scratch: 3TiB}
requests:
  - {name: train, duration: 6h, tasks: 3, gpus: 8, due: 8h, weight: 5}
  - {name: tune, duration: 2h, gpus: 4, caches: {scratch: 2TiB}, window: [0h, 8h]}
maintenance:
  - {name: firmware, nodes: [n-0, n-1], duration: 2h, window: [6h, 14h]}
"""


@pytest.fixture
def files(tmp_path):
    (tmp_path / "c.yaml").write_text(CLUSTER)
    (tmp_path / "r.yaml").write_text(REQUESTS)
    return tmp_path


def solved(files, *more: str, requests: str = "r.yaml") -> int:
    return run(["reserve", "solve", str(files / requests), "--cluster", str(files / "c.yaml"), *more])


def test_json_and_picture(files, capsys):
    assert solved(files, "--json", "--now", "0", "--plot", str(files / "plan.png")) == 0
    plan = json.loads(capsys.readouterr().out)
    assert (plan["status"], plan["objective"]) == ("OPTIMAL", 0)
    assert {b["name"]: b["end"] - b["start"] for b in plan["bookings"]} == {
        "train": 21600,
        "tune": 7200,
        "firmware": 7200,
    }
    assert (files / "plan.png").read_bytes().startswith(b"\x89PNG")


def test_table(files, capsys):
    assert solved(files, "--now", "0") == 0
    printed = capsys.readouterr().out
    assert "firmware" in printed
    assert "OPTIMAL: objective 0" in printed


def test_a_store_keeps_promises(files, capsys):
    store = str(files / "kept.db")
    assert solved(files, "--now", "0", "--store", store, "--json") == 0
    first = json.loads(capsys.readouterr().out)["bookings"]
    (files / "more.yaml").write_text("requests:\n  - {name: late, duration: 1h, tasks: 4, exclusive: true}\n")
    with_caches = "caches: {scratch: 3TiB}\n" + (files / "more.yaml").read_text()
    (files / "more.yaml").write_text(with_caches)
    assert solved(files, "--now", "0", "--store", store, "--json", requests="more.yaml") == 0
    second = json.loads(capsys.readouterr().out)["bookings"]
    assert sorted(second[:3], key=str) == sorted(first, key=str)
    assert second[3]["name"] == "late"
    assert solved(files, "--now", "0", "--store", store) == 2  # the same names again


def test_infeasible_says_why(files, capsys):
    (files / "bad.yaml").write_text(
        "maintenance:\n  - {name: a, nodes: [n-1], duration: 2h, start: 0}\n"
        "  - {name: b, nodes: [n-1], duration: 2h, start: 1h}\n"
    )
    assert solved(files, requests="bad.yaml") == 1
    assert "'a' and 'b' both need all of node 'n-1'" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("requests: 3", "must be a list"),
        ("jobs: []", "unknown section 'jobs'"),
        ("requests: [{name: x, gpus: 1}]", "requests[0]"),
        ("requests: [{name: x, gpus: 1, duration: 1h, color: red}]", "color"),
        ("requests: [{name: x, gpus: 1, duration: 1h, window: [5h, 2h]}]", "is empty"),
        ("objective: fast", "objective = 'fast'"),
        ("objective: {prices: [[0h, -1]]}", "give 0 to 1,000"),
        ("caches: [1]", "must be a mapping"),
    ],
)
def test_bad_files(files, capsys, text, message):
    (files / "bad.yaml").write_text(text)
    assert solved(files, requests="bad.yaml") == 2
    assert message in capsys.readouterr().err


def test_the_week_of_the_benchmark_has_a_plan():
    cluster, requests = bench_reserve.week(40, nodes=16, load=0.5)
    plan = solve(requests, cluster, now=0, time_limit=2)
    assert plan.status in (PlanStatus.OPTIMAL, PlanStatus.FEASIBLE)
    assert plan.list_objective is None or plan.objective <= plan.list_objective


def test_searches_of_the_benchmark_agree_with_numpy():
    figures = bench_reserve.measure_search(2000, queries=20)
    assert all(figures[f"same_{level}"] for level in (50, 90, 99))


@pytest.fixture
def work_counts_only(monkeypatch):
    """Let the work that a time limit allows decide, however long a slow machine takes for it.

    All that ends a search is then what the limit is worth on one core: passes over the orders and units of CP-SAT's
    deterministic time. `bench/reserve` looks at the clock.
    """
    monkeypatch.setattr("hal.reserve._search.Search._remaining", lambda self: 600.0)


@pytest.mark.slow
def test_targets_of_a_week(work_counts_only):
    small = bench_reserve.measure_plan(200, 2.0, load=0.6)
    assert small["deterministic"]
    assert small["gap"] <= 0.05
    assert small["status"] in ("OPTIMAL", "FEASIBLE")
    large = bench_reserve.measure_plan(1000, 10.0, load=0.6)
    assert large["deterministic"]
    assert large["status"] in ("OPTIMAL", "FEASIBLE")
