from __future__ import annotations

import json

import pytest

from hal.cli.app import run


def test_bench_quotas_prints_speed_and_fairness(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "quotas", "--queues", "200", "--jobs", "2000", "--repeat", "1", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["may_start"] + figures["waiting"] == 2000
    assert figures["fairness"] > figures["fairness_given_order"]
