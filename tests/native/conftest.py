"""Compiled units: built once a session against the header that is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

import hal

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def compile_library(source: Path, library: Path) -> Path:
    """Compile one C file as a strict C11 plug-in."""
    compiler = os.environ.get("CC") or shutil.which("cc") or "gcc"
    flags = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-O2", "-ffp-contract=off"]
    # A sanitizer's preloaded runtime is for the tests, not for the compiler.
    environment = {key: value for key, value in os.environ.items() if key != "LD_PRELOAD"}
    subprocess.run(
        [compiler, *flags, "-fPIC", "-shared", f"-I{hal.get_include()}", source, "-o", library],
        check=True,
        env=environment,
    )
    return library


@pytest.fixture(scope="session")
def units(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the library of units.c."""
    return compile_library(HERE / "units.c", tmp_path_factory.mktemp("units") / "libunits.so")


@pytest.fixture(scope="session")
def c_scorer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the library of the example in C."""
    source = ROOT / "examples" / "native" / "c_scorer" / "best_fit.c"
    return compile_library(source, tmp_path_factory.mktemp("c_scorer") / "libbest_fit.so")
