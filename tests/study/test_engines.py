"""Engines: the same figures wherever cells run, and nothing twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import hal
from hal.study import Cell, Store, run_cells

CELLS = [
    Cell(controller=controller, seed=seed, nodes=4, seconds=600.0, step=30.0)
    for seed in range(2)
    for controller in ("static(p=0)", "pid")
]


def test_runs_what_is_missing_and_reports(tmp_path):
    store, seen = Store(tmp_path / "r.jsonl"), []
    assert run_cells(CELLS[:2], store) == 2
    assert run_cells(CELLS, store, progress=lambda done, of: seen.append((done, of))) == 2
    assert seen == [(2, 4), (3, 4), (4, 4)]
    assert run_cells(CELLS, store, engine="ray") == 0  # nothing left: no Ray needed


def test_unknown_engine(tmp_path):
    with pytest.raises(hal.InvalidModel, match="engine"):
        run_cells(CELLS, Store(tmp_path / "r.jsonl"), engine="abacus")


def figures(store):
    return {cell: {name: repr(value) for name, value in store[cell].items()} for cell in CELLS}


@pytest.mark.slow
def test_processes_agree_with_this_one(tmp_path):
    here, there = Store(tmp_path / "a.jsonl"), Store(tmp_path / "b.jsonl")
    run_cells(CELLS, here)
    assert run_cells(CELLS, there, workers=2) == len(CELLS)
    assert figures(here) == figures(there)


@pytest.mark.slow
def test_a_real_ray_cluster_of_three_nodes_agrees(tmp_path):
    """In a network namespace of its own: Ray would bind the machine's outside address."""
    here = Store(tmp_path / "here.jsonl")
    run_cells(CELLS, here)
    script = Path(__file__).with_name("ray_cluster.py")
    unshare = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-rn"]
    done = subprocess.run(
        [*unshare, sys.executable, str(script), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["nodes"] == 3
    assert report["ran"] == [2, 2]
    assert figures(here) == figures(Store(tmp_path / "ray.jsonl"))
