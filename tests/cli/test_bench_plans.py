from __future__ import annotations

import json

import pytest

from hal.cli.app import run


def test_bench_plans_prints_speed_and_disturbance(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "plans", "--nodes", "12", "--moves", "10", "--repeat", "1", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert 0 < figures["preempt_stops"] <= figures["lowest_first_stops"]
    assert figures["rebalance_moves"] <= 10
    assert figures["wanted_placed_after"] >= figures["wanted_placed_before"]
