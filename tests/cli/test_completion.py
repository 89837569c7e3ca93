"""Completion in a real shell, and what the root says of itself."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hal.cli.app import run

#: What a user does after `hal --install-completion`: bash calls the function that the script defined.
_TAB = """
source <(_HAL_COMPLETE=source_bash hal)
COMP_WORDS=({})
COMP_CWORD={}
_hal_completion hal
echo "${{COMPREPLY[@]}}"
"""


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["hal", "pl"], ["place", "plugins"]),
        (["hal", "bench", "gan"], ["gangs"]),
        (["hal", "place", "--pol"], ["--policy"]),
        (["hal", "place", "--policy", "f"], ["fgd", "first_fit"]),
        (["hal", "advise", "--adapter", "kub"], ["kubernetes", "kubernetes-gates"]),
    ],
    ids=" ".join,
)
def test_bash_completes(words: list[str], offered: list[str]) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    script = _TAB.format(" ".join(words), len(words) - 1)
    told = subprocess.run(
        ["bash", "-c", script], env=os.environ | {"PATH": path}, capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == offered


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"hal-core {importlib.metadata.version('hal-core')}\n"
