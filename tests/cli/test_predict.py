"""``hal predict evaluate`` and ``hal replay swf --predict`` with a predictor."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hal.cli.app import run


@pytest.fixture
def log(tmp_path):
    random = np.random.default_rng(2)
    lines = ["; MaxProcs: 16"]
    at = 0
    for number in range(1, 120):
        at += int(random.integers(0, 400))
        ran = int(random.integers(1, 3000))
        lines.append(
            f"{number} {at} -1 {ran} 4 -1 -1 {random.integers(1, 16)} 3600 -1 1 {number % 4} 1 1 1 1 -1 -1"
        )
    path = tmp_path / "small.swf"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def test_evaluate_prints_a_table_and_json(log, capsys):
    names = ["--predictor", "last_two", "--predictor", "similar"]
    assert run(["predict", "evaluate", log, log, *names, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in answer["logs"][:5]] == [
        "EASY", "EASY++", "Tsafrir, revert, SJBF", "last_two", "similar",
    ]  # fmt: skip
    assert answer["logs"][0]["ratio"] == answer["mean_bsld_over_easy"]["EASY"] == 1.0
    assert all(0 < row["accuracy"] <= 1 for row in answer["logs"])
    assert run(["predict", "evaluate", log, log, *names]) == 0
    out = capsys.readouterr().out
    assert "small: 119 jobs" in out
    assert "mean over the logs" in out


def test_bad_predictors(log, capsys):
    assert run(["predict", "evaluate", log, "--predictor", "psychic"]) == 2
    assert "psychic" in capsys.readouterr().err


def test_replay_with_a_predictor(log, capsys):
    assert run(["replay", "swf", log, "--predict", "similar", "--json"]) == 0
    learned = json.loads(capsys.readouterr().out)
    assert run(["replay", "swf", log, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["wait_mean"] != learned["wait_mean"]
