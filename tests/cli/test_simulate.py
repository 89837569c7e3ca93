"""``hal simulate`` and ``hal sweep``."""

from __future__ import annotations

import json

import pytest

from hal.cli.app import run


def test_writes_two_traces_a_picture_and_a_page(tmp_path, capsys):
    out = tmp_path / "sim"
    arguments = ["simulate", "--nodes", "4", "--steps", "40", "--controller", "pid", "--baseline", "static"]
    assert run([*arguments, "--out", str(out), "--csv", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert sorted(path.name for path in out.iterdir()) == [
        "adaptive.csv",
        "baseline.csv",
        "index.html",
        "traces.png",
    ]
    assert len((out / "adaptive.csv").read_text().splitlines()) == 41
    assert told["summaries"]["baseline"]["mean_p"] == 0.5
    assert run([*arguments, "--out", str(out)]) == 0
    assert (out / "adaptive.parquet").exists()
    assert "adaptive: pid" in capsys.readouterr().out


def test_a_wrong_controller_is_one_line(tmp_path, capsys):
    assert (
        run(["simulate", "--controller", "nobody", "--nodes", "2", "--steps", "2", "--out", str(tmp_path)])
        == 2
    )
    assert "must be one of" in capsys.readouterr().err


def test_sweep_resumes(tmp_path, capsys):
    arguments = [
        "sweep",
        "--seeds",
        "2",
        "--nodes",
        "3",
        "--hours",
        "0.1",
        "--out",
        str(tmp_path / "r.jsonl"),
        "--json",
    ]
    assert run([*arguments, "--controller", "pid"]) == 0
    assert json.loads(capsys.readouterr().out)["ran"] == 2
    assert run([*arguments, "--controller", "pid", "--controller", "static(p=1)"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["cells"], told["ran"]) == (4, 2)
    assert [row["controller"] for row in told["rows"]] == ["pid", "static(p=1)"]
    assert run([*arguments, "--policy", "best_fit", "--policy", "pack_spread"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["policy"] for row in told["rows"]] == ["best_fit", "best_fit", "pack_spread", "pack_spread"]
    assert told["ran"] == 6
    assert run(arguments[:-1]) == 0
    assert "energy_per_job" in capsys.readouterr().out


@pytest.mark.slow
def test_the_study_end_to_end(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("HAL_TRACES", raising=False)
    out = tmp_path / "study"
    arguments = ["simulate", "study", "--seeds", "1", "--nodes", "4", "--hours", "0.2", "--workers", "1"]
    assert run([*arguments, "--out", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["ran"] == told["cells"]
    assert (out / "study.png").stat().st_size > 10_000
    assert "energy a job, kJ" in (out / "study.md").read_text("utf-8")
    assert run([*arguments, "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ran"] == 0


def test_an_interrupted_sweep_says_how_to_go_on(tmp_path, capsys, monkeypatch):
    done = []

    def interrupted(cell):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(cell)
        return {"mean_wait": 1.0}

    out = tmp_path / "grid.jsonl"
    arguments = ["sweep", "--seeds", "2", "--metric", "mean_wait", "--out", str(out), "--json"]
    with monkeypatch.context() as patch:
        patch.setattr("hal.study.cell.Cell.run", interrupted)
        assert run(arguments) == 130
    assert "stopped: 2 of 4 are in" in " ".join(capsys.readouterr().err.split())
    monkeypatch.setattr("hal.study.cell.Cell.run", lambda cell: {"mean_wait": 2.0})
    assert run(arguments) == 0
    assert json.loads(capsys.readouterr().out)["ran"] == 2


def test_what_was_compared_reads_off_the_table_and_the_page(tmp_path, capsys):
    arguments = ["simulate", "--nodes", "1", "--steps", "40", "--workload", "poisson", "--load", "0.5"]
    assert run([*arguments, "--out", str(tmp_path), "--csv"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("poisson at 50 % load on 1 node ")
    assert "baseline: static(p=0.5)" in printed
    page = (tmp_path / "index.html").read_text("utf-8")
    assert (
        "40 steps of 10 s, machine published, seed 0. baseline: static(p=0.5) and adaptive: pid, on" in page
    )
    assert "<li><b>p</b>: the knob that the controller turns" in page
    row = page[page.index("<tr><th>p, mean") :]
    assert "%" not in row[: row.index("</tr>")]  # from 0.5 to 0.9 is 0.4 more, not 80 %


def test_what_cannot_be_simulated_is_named_before_anything_runs(tmp_path, capsys):
    out = tmp_path / "grid.jsonl"
    for wrong, told in (
        (["sweep", "--metric", "mean_weight"], "metric = 'mean_weight': must be one of energy_j, "),
        (
            ["sweep", "--controller", "pid", "--controller", "pid(goal=1)"],
            "controller pid: goal = 1: is no setting; it has signal, ",
        ),
        (["sweep", "--controller", "static", "--controller", "static(p=2)"], "p = 2"),
        (["simulate", "--step", "0"], "step = 0.0: must be above 0 and finite"),
        (["simulate", "--step", "nan"], "step = nan: must be above 0 and finite"),
    ):
        assert run([*wrong, "--nodes", "2", "--out", str(out)]) == 2
        assert told in capsys.readouterr().err
        assert not out.exists() or out.is_dir()


def test_one_seed_has_a_mean_without_an_interval(tmp_path, capsys):
    arguments = ["sweep", "--seeds", "1", "--nodes", "2", "--hours", "0.02", "--controller", "pid"]
    assert run([*arguments, "--metric", "mean_wait", "--out", str(tmp_path / "r.jsonl")]) == 0
    printed = capsys.readouterr().out
    assert "1 simulation, 1 of them now" in printed
    assert "mean_wait, s" in printed
    assert "nan" not in printed
