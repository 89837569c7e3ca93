from __future__ import annotations

from pathlib import Path

import pytest

from hal.cli.app import run


@pytest.mark.parametrize("command", ["advise", "run"])
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--adapter", "no-such"], "no-such"),
        (["--adapter", "slurm", "-o", "conf"], "give key=value"),
        (["--adapter", "slurm", "-o", "colour=red"], "colour"),
        (["--adapter", "slurm", "-o", "form=xml"], "form = 'xml'"),
        (["--adapter", "slurm", "-o", "client=x"], "the adapter slurm has claim, conf, form"),
        (["--adapter", "slurm", "-o", "poll=often"], "poll = 'often': must be a number"),
        (["--adapter", "slurm", "-o", "poll=nan"], "poll = 'nan': must be a number"),
        (["--adapter", "slurm", "-o", "poll=-1"], "poll = -1.0"),
        (["--adapter", "slurm", "-o", "timeout=0"], "timeout = 0.0"),
        (["--adapter", "slurm", "-o", "conf=/nowhere/slurm.conf"], "conf = '/nowhere/slurm.conf'"),
        (["--adapter", "nomad", "-o", "colour=red"], "the adapter nomad has address"),
        (["--adapter", "nomad", "-o", "events=perhaps"], "events = 'perhaps': must be yes or no"),
        (["--adapter", "nomad", "-o", "timeout=-1"], "timeout = -1.0"),
        (["--adapter", "nomad", "--order", "biggest"], "order = 'biggest'"),
        (["--adapter", "nomad", "--policy", "no-such"], "policy = 'no-such'"),
    ],
)
def test_what_cannot_be_connected_is_named(
    command: str, arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([command, *arguments]) == 2
    assert told in capsys.readouterr().err


def test_a_lock_that_cannot_be_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["run", "--adapter", "nomad", "--lock", str(tmp_path / "none" / "lock")]) == 2
    assert "none/lock': No such file" in capsys.readouterr().err
