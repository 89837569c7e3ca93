"""Results on disk survive being stopped."""

from __future__ import annotations

import math

import pytest

import hal
from hal.study import Cell, Store


def test_figures_come_back(tmp_path):
    store, cell = Store(tmp_path / "deep" / "r.jsonl"), Cell()
    store.add(cell, {"a": 1.5, "b": math.nan})
    again = Store(store.path)
    assert cell in again
    assert Cell(seed=1) not in again
    assert again[cell]["a"] == 1.5
    assert math.isnan(again[cell]["b"])


def test_a_cut_off_last_line_is_run_again(tmp_path):
    path = tmp_path / "r.jsonl"
    store = Store(path)
    store.add(Cell(), {"a": 1})
    store.add(Cell(seed=1), {"a": 2})
    path.write_text(path.read_text()[:-9])
    again = Store(path)
    assert len(again) == 1
    again.add(Cell(seed=1), {"a": 3})
    assert Store(path)[Cell(seed=1)]["a"] == 3


def test_a_broken_line_is_named(tmp_path):
    path = tmp_path / "r.jsonl"
    path.write_text("nonsense\n")
    with pytest.raises(hal.InvalidModel, match="line 1"):
        Store(path)
