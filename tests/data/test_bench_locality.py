"""``hal bench locality`` at a small size: every answer equals the scan's."""

from __future__ import annotations

import json

import pytest

from hal.cli.app import run


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    sizes = ["--datasets", "300", "--caches", "100", "--queries", "500", "--tasks", "400"]
    assert run(["bench", "locality", *sizes, "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["same_as_scan"] == 1.0
    assert figures["mean_seconds"] < figures["mean_seconds_random_holder"]
    assert figures["copies"] == 900
    assert figures["mean_transfer_seconds"] < figures["mean_transfer_seconds_without"]


def test_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        run(["bench", "locality", "--datasets", "30", "--caches", "64", "--queries", "50", "--tasks", "50"])
        == 0
    )
    assert "content events a second" in capsys.readouterr().out
