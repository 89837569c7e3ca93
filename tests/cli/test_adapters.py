from __future__ import annotations

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
    ],
)
def test_what_cannot_be_connected_is_named(
    command: str, arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([command, *arguments]) == 2
    assert told in capsys.readouterr().err
