"""The study in small: tables with every row, verdicts with figures that the tables bear out."""

from __future__ import annotations

import pytest

from hal.study import Store, run_cells
from hal.study.judgement import judge
from hal.study.protocol import CONTROLLERS, METRICS, PACK, STATICS, Study, markdown
from hal.study.study_picture import draw_study


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    study = Study(
        seeds=2,
        nodes=3,
        seconds=900.0,
        workloads=["bursty"],
        machines={"published": (0.9,), "half_idle": (0.6,)},
    )
    store = Store(tmp_path_factory.mktemp("study") / "r.jsonl")
    for cell in study.cells():  # figures by rule: what is tested is how they are told
        pack = cell.controller == PACK
        p = 0.0 if pack else 0.5
        store.add(
            cell,
            dict.fromkeys(METRICS, (2.0 if pack else 1.0) + 0.1 * cell.seed)
            | {"mean_p": p, "follows_s": 40.0},
        )
    return study, store


def test_cells_are_seed_by_seed_and_run(done, tmp_path):
    study, _ = done
    cells = study.cells()
    assert len(cells) == len(set(cells)) == 2 * (2 * (len(STATICS) + len(CONTROLLERS)) + len(CONTROLLERS))
    assert [cell.seed for cell in cells] == sorted(cell.seed for cell in cells)
    some = [cell for cell in cells if cell.controller in ("static(p=0)", "mpc")][:4]
    assert run_cells(some, Store(tmp_path / "r.jsonl")) == 4


def test_tables_name_the_best_static(done):
    study, store = done
    rows = study.rows(store, "p95_pending_work")
    assert [(row.machine, row.load) for row in rows] == [("published", 0.9), ("half_idle", 0.6)]
    assert rows[0].best == "static(p=0.125)"
    text = markdown(rows, "p95_pending_work")
    assert "| published | bursty | 90% | 2.050 ± 0.635 |" in text
    assert "1.050 ± 0.635 (p = 0.125)" in text
    lines = text.strip().splitlines()[2:]
    assert len({line.count("|") for line in lines}) == 1


def test_the_picture_has_a_place_for_every_case(done):
    study, store = done
    figure = draw_study(study, store)
    assert [tick.get_text().split("\n") for tick in figure.axes[-1].get_xticklabels()] == [
        ["bursty", "90%", "published"],
        ["bursty", "60%", "half idle"],
    ]
    assert len(figure.axes[0].containers) == 3 + len(CONTROLLERS)


def test_verdicts(done):
    study, store = done
    lines = judge(study, store)
    assert "pid: 95th percentile of waiting work against packing: cut by 48.8% … 48.8%" in "\n".join(lines)
    assert "against the best static p: +0.0% … +0.0%; at most 2 % worse in 2 of 2" in "\n".join(lines)
    assert any(line.startswith("mpc: follows a step of the load within 40.00") for line in lines)
