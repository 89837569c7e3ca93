"""``hal replay openb``: what is asked for and not there is told before, and by what is there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hal.cli.app import run
from hal.errors import InvalidModel
from hal.replay.openb import POLICIES, Published, Run, check

NODES = "sn,cpu_milli,memory_mib,gpu,model\n" + "".join(f"n{i},64000,262144,8,T4\n" for i in range(3))
TASKS = "name,cpu_milli,memory_mib,num_gpu,gpu_milli\n" + "".join(f"t{i},4000,1024,1,500\n" for i in range(9))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "openb").mkdir()
    (tmp_path / "openb" / "openb_node_list_gpu_node.csv").write_text(NODES)
    (tmp_path / "openb" / "openb_pod_list_mine.csv").write_text(TASKS)
    monkeypatch.setenv("HAL_TRACES", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (["--seeds", "52:42"], "--seeds 52:42: holds none, as the end is left out; write 52:53 for one"),
        (["--seeds", "0:999999999"], "holds 999,999,999 seeds; give at most 10,000"),
        (["--seeds", "9" * 5000], "must be a seed such as 42"),
        (
            ["--trace", "yours"],
            "trace = 'yours': is unknown; known are mine, or give a .csv file",
        ),
    ],
)
@pytest.mark.usefixtures("folder")
def test_what_is_not_there_is_named(wrong: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["replay", "openb", "--policy", "fgd", "--trace", "mine", "--seeds", "1", "--json"]) == 0
    capsys.readouterr()
    assert run(["replay", "openb", "--policy", "fgd", *wrong]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--csv", "--plot"])
def test_a_file_without_a_folder_is_refused_before_the_replay(
    option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("hal.replay.openb.run", None)  # would fail otherwise
    assert run(["replay", "openb", option, str(tmp_path / "none" / "out")]) == 2
    assert f"{option} {tmp_path}/none/out: there is no folder" in capsys.readouterr().err


def test_a_folder_without_traces_is_told_by_its_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HAL_TRACES", str(tmp_path))
    assert run(["replay", "openb", "--policy", "fgd"]) == 2
    assert f"HAL_TRACES = {str(tmp_path)!r}: has no folder openb" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("trace", "policy", "seed", "told"),
    [
        ("mine", "fgd", 42, "trace = 'mine': no results were published; they were for default"),
        ("default", "spread", 42, "policy = 'spread': no results were published; they were for random, "),
        ("default", "fgd", 7, "seed = 7: no results were published; they were for the seeds 42"),
    ],
)
def test_the_part_that_was_not_published_is_named(trace: str, policy: str, seed: int, told: str) -> None:
    curve = np.zeros(131)
    known = {("default", name, 42): curve for name in POLICIES}
    with pytest.raises(InvalidModel, match=told):
        check([Run(trace, policy, seed, curve, curve, curve, 1, 1, 1.0)], Published(known, known))
