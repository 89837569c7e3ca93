"""Cells: text and numbers that give the same figures wherever they run."""

from __future__ import annotations

import numpy as np
import pytest

import hal
from hal.control import Loop
from hal.study import MACHINES, WORKLOADS, Cell, controller_of
from hal.study.cell import follows

SMALL = {"nodes": 6, "seconds": 1200.0, "step": 30.0}


@pytest.mark.parametrize("controller", ["static(p=0.25)", "pid", "heuristic(rest=0.4)"])
def test_equal_cells_have_equal_figures(controller):
    cell, same = (Cell(workload="bursty", load=0.8, controller=controller, **SMALL) for _ in range(2))
    assert cell == same
    assert cell.key() == same.key()
    assert cell.run() == pytest.approx(same.run(), nan_ok=True, abs=0)
    assert cell.key() != cell.with_controller("mpc").key()


@pytest.mark.parametrize("workload", [name for name in WORKLOADS if name != "openb"])
def test_every_workload_offers_the_load(workload):
    cell = Cell(workload=workload, load=0.7, nodes=40, seconds=20_000.0)
    work = cell.arrivals(cell.cluster())
    expected = 0.525 if workload == "step" else 0.7
    assert work.load(cell.cluster(), seconds=20_000.0) == pytest.approx(expected, rel=0.35)
    assert (np.diff(work.time) >= 0).all()


def test_openb_leaves_out_another_tenth_with_each_seed(traces):
    cells = [Cell(workload="openb", seed=seed, **SMALL) for seed in (0, 1)]
    first, second = (cell.arrivals(cell.cluster()) for cell in cells)
    assert 6500 < len(first) < 8152
    assert first.time.tolist() != second.time.tolist()
    assert first.load(cells[0].cluster(), seconds=1200) == pytest.approx(0.6, rel=0.01)


def test_openb_without_traces_says_what_to_set(monkeypatch):
    monkeypatch.delenv("HAL_TRACES", raising=False)
    with pytest.raises(hal.InvalidModel, match="set HAL_TRACES"):
        Cell(workload="openb", **SMALL).run()


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"workload": "noise"}, "workload"),
        ({"machine": "abacus"}, "machine"),
        ({"policy": "no_such"}, "policy"),
        ({"controller": "pid(x)"}, "controller"),
        ({"controller": "a b"}, "controller"),
        ({"nodes": 0}, "nodes"),
        ({"step": 0.0}, "step"),
    ],
)
def test_wrong_cells_name_the_field(wrong, word):
    with pytest.raises((hal.InvalidModel, hal.PolicyError), match=word):
        Cell(**wrong)


def test_controllers_are_told_the_machines_cost():
    cost = MACHINES["half_idle"].cost
    assert isinstance(controller_of("pid(kp=0.1)", cost), Loop)
    with pytest.raises(hal.InvalidModel, match="nobody"):
        controller_of("nobody", cost)
    with pytest.raises(hal.InvalidModel, match="pid"):
        controller_of("pid(colour=3)", cost)


def test_follows_is_when_nine_tenths_are_done():
    time = np.arange(10.0, 2010.0, 10.0)
    p = np.where(time <= 1000, 0.2, np.minimum(0.2 + (time - 1000) / 1000, 0.8))
    assert follows(time, p, 1000.0) == 540.0
    assert follows(time, np.full_like(time, 0.4), 1000.0) == 0.0


def test_the_figures_of_a_cell_are_listed():
    from hal.study.cell import FIGURES

    assert sorted(Cell(workload="step", nodes=2, seconds=100.0).run()) == list(FIGURES)
