"""The example projects, built as a stranger would against the hal that is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2] / "examples" / "native"


def run(*command: str | Path, cwd: Path, **variables: str) -> str:
    done = subprocess.run(
        command, cwd=cwd, env=os.environ | variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_c(tmp_path: Path) -> None:
    run("sh", ROOT / "c_scorer" / "build.sh", tmp_path, cwd=tmp_path, PYTHON=sys.executable)
    shown = run(sys.executable, ROOT / "c_scorer" / "use.py", tmp_path, cwd=tmp_path)
    assert shown.splitlines() == ["job-0 small", "job-1 small", "job-2 large"]


def test_cython(tmp_path: Path) -> None:
    project = shutil.copytree(ROOT / "cython_scorer", tmp_path / "cython_scorer")
    run(sys.executable, "setup.py", "-q", "build_ext", "--inplace", cwd=project)
    shown = run(sys.executable, "use.py", cwd=project)
    assert shown.splitlines() == ["job small"]


def test_numba(tmp_path: Path) -> None:
    folder = ROOT / "numba_scorer"
    shown = run(sys.executable, folder / "use.py", cwd=tmp_path, NUMBA_CACHE_DIR=str(tmp_path))
    assert shown.splitlines() == ["job small"]
