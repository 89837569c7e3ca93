"""Traces as files, pictures and one page."""

from __future__ import annotations

import csv
import sys

import numpy as np
import pytest

import hal
from hal.study import Cell, draw_traces, save_page, save_trace
from hal.study.pictures import PANELS


@pytest.fixture(scope="module")
def runs():
    cells = {
        "static": Cell(nodes=4, seconds=600.0, load=0.9),
        "pid": Cell(nodes=4, seconds=600.0, controller="pid"),
    }
    return {name: cell.simulate() for name, cell in cells.items()}


def test_csv_and_parquet_hold_the_trace(runs, tmp_path):
    import pyarrow.parquet

    trace = runs["pid"].trace
    path = save_trace(trace, tmp_path, "a")
    assert path.suffix == ".parquet"
    table = pyarrow.parquet.read_table(path)
    assert table.column_names == list(trace)
    assert table["power_w"].to_pylist() == trace["power_w"].tolist()
    with save_trace(trace, tmp_path, "a", parquet=False).open(newline="") as text:
        rows = list(csv.DictReader(text))
    assert [float(row["sigma"]) for row in rows] == trace["sigma"].tolist()


def test_without_pyarrow_it_is_csv_unless_asked(runs, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert save_trace(runs["pid"].trace, tmp_path, "b").suffix == ".csv"
    with pytest.raises(hal.MissingExtra, match=r"hal-core\[parquet\]"):
        save_trace(runs["pid"].trace, tmp_path, "b", parquet=True)


def test_the_picture_shows_every_panel_and_the_page_needs_nothing_else(runs, tmp_path):
    figure = draw_traces({name: run.trace for name, run in runs.items()}, title="t < u")
    assert [axes.get_ylabel() for axes in figure.axes] == list(PANELS.values())
    for axes, column in zip(figure.axes, PANELS, strict=True):
        assert [line.get_label() for line in axes.get_lines()] == ["static", "pid"]
        drawn = axes.get_lines()[1].get_ydata()
        scale = 1000 if column == "power_w" else 1
        np.testing.assert_allclose(np.asarray(drawn) * scale, runs["pid"].trace[column])
    page = tmp_path / "index.html"
    save_page(page, figure, {name: run.summary for name, run in runs.items()}, title="t < u")
    text = page.read_text("utf-8")
    assert "<h1>t &lt; u</h1>" in text
    assert "data:image/svg+xml;base64," in text
    assert "http" not in text.replace("http-equiv", "")
    assert "mean_wait" in text
