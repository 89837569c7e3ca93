"""``hal place``, ``explain``, ``policies``, ``demo`` and ``replay openb`` as a user meets them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hal.cli.app import run
from hal.cli.registry import COMMANDS, GROUPS

CLUSTER = """
nodes:
  - {name: gpu, count: 2, cpus: 16, memory: 64GiB, gpus: {count: 4, model: A100, memory: 80GiB}}
  - name: cpu
    cpus: 8
    memory: 32GiB
    labels: {disk: ssd}
    taints: [{key: team, value: db, effect: NoSchedule}]
"""
JOBS = """
jobs:
  - {name: train, tasks: 2, cpus: 4, gpus: 4}
  - {name: db, cpus: 2, selector: {disk: ssd}, tolerations: [{key: team, op: Exists}]}
  - {name: huge, cpus: 100}
"""


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    (tmp_path / "c.yaml").write_text(CLUSTER)
    (tmp_path / "j.yaml").write_text(JOBS)
    return ["--cluster", str(tmp_path / "c.yaml"), "--jobs", str(tmp_path / "j.yaml")]


def test_place_prints_a_table_and_json(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["place", *files]) == 0
    shown = capsys.readouterr().out
    assert "gpu-0:0,1,2,3, gpu-1:0,1,2,3" in shown
    assert "1 INFEASIBLE" in shown
    assert run(["place", *files, "--json", "--policy", "fgd"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["counts"] == {"PLACED": 2, "UNSCHEDULABLE": 0, "INFEASIBLE": 1}
    assert [p["nodes"] for p in told["placements"]] == [["gpu-0", "gpu-1"], ["cpu"], []]
    assert run(["place", *files, "--strict"]) == 1


def test_explain_says_why_not(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "huge", *files]) == 0
    assert "fits on 0 of 3 nodes" in capsys.readouterr().out
    assert run(["explain", "db", *files, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["status"] == "PLACED"
    assert told["top"][0][0] == "cpu"
    assert sum(told["reasons"].values()) == 2


def test_policies_lists_every_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["policies", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert {"best_fit", "fgd", "pack_spread"} <= {item["name"] for item in listed}
    assert all(item["description"] for item in listed)
    assert run(["policies"]) == 0


@pytest.mark.parametrize(
    ("code", "said", "arguments"),
    [
        (2, "nobody", ["explain", "nobody"]),
        (2, "bset_fit", ["place", "--policy", "bset_fit"]),
        (2, "No such option", ["place", "--colour"]),
        (2, "order", ["place", "--order", "best"]),
    ],
)
def test_misuse_is_one_line_and_code_2(
    files: list[str], capsys: pytest.CaptureFixture[str], code: int, said: str, arguments: list[str]
) -> None:
    assert run([*arguments, *files]) == code
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("cut.yaml", CLUSTER[:60]),
        ("nodes[0]: Node('a'): cpus = -1", "nodes:\n- {name: a, cpus: -1}\n"),
        ("nodes[0]: Node('a'): colour", "nodes:\n- {name: a, colour: red}\n"),
        ("given twice", "nodes:\n- {name: a, name: b}\n"),
        ("list under 'nodes'", "jobs: []\n"),
        ("list under 'nodes'", ""),
        ("count = 0", "nodes:\n- {name: a, count: 0}\n"),
        ("must be a mapping", "nodes:\n- 3\n"),
        ("is no YAML", "nodes: [\n"),
        ("'a'", "nodes:\n- {name: a}\n- {name: a}\n"),
    ],
)
def test_broken_files_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], said: str, text: str
) -> None:
    (tmp_path / "cut.yaml").write_text(text)
    (tmp_path / "j.yaml").write_text(JOBS)
    assert run(["place", "--cluster", str(tmp_path / "cut.yaml"), "--jobs", str(tmp_path / "j.yaml")]) == 2
    assert said in capsys.readouterr().err


def test_every_command_is_listed_and_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(path.split()[0] in shown for path in COMMANDS)
    for path in COMMANDS:
        assert run([*path.split(), "--help"]) == 0
        assert "Usage" in capsys.readouterr().out
    assert {path.split()[0] for path in COMMANDS if " " in path} <= set(GROUPS)


def test_a_missing_extra_breaks_only_its_command(
    files: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "yaml", None)
    assert run(["place", *files]) == 2
    assert "pip install 'hal-core[yaml]'" in capsys.readouterr().err
    assert run(["policies"]) == 0


def test_demo_needs_no_data(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HAL_TRACES", raising=False)
    picture = tmp_path / "demo.png"
    assert run(["demo", "--json", "--plot", str(picture)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["nodes"] == 1213
    rows = {row["policy"]: row for row in told["policies"]}
    assert len(rows) == 3
    assert all(row["arrivals"] == 10_000 for row in rows.values())
    assert rows["fgd"]["allocation_percent"] > rows["best_fit"]["allocation_percent"]
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_replay_openb_checks_and_writes(
    traces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, picture = tmp_path / "runs.csv", tmp_path / "runs.svg"
    asked = ["replay", "openb", "--policy", "best_fit", "--trace", "multigpu50", "--seeds", "42"]
    code = run(
        [
            *asked,
            "--check-published",
            "--vs",
            "published",
            "--json",
            "--csv",
            str(table),
            "--plot",
            str(picture),
        ]
    )
    told = json.loads(capsys.readouterr().out)
    assert code == 0
    assert told["checks"][0]["agrees"]
    assert told["margins"][0]["gain"][1] < 0  # FGD's published result is better
    assert len(table.read_text().splitlines()) == 3
    assert "<svg" in picture.read_text()
    assert run([*asked[:3], "nothing", *asked[4:]]) == 2
    assert run([*asked, "--vs", "nobody"]) == 2
    assert run([*asked[:-1], "x:y"]) == 2
    wrong = ["replay", "openb", "--policy", "first_fit", "--trace", "multigpu50", "--seeds", "42"]
    assert run([*wrong, "--check-published"]) == 2
