"""The tutorial's package: it builds, installs into a folder of its own, is found by name and proves itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "docs" / "examples" / "ship_policy"

USE = """
import hal, hal.plugins
(found,) = [plugin for plugin in hal.plugins.find() if plugin.name == "emptiest"]
assert (found.distribution, found.version, found.contract, found.error) == ("hal-emptiest", "1.0", "1.0", ""), found
cluster = hal.Cluster([hal.Node("n", cpus=1)])
assert hal.place(cluster, hal.Job("j", cpus=1), policy="emptiest + 0.5 * best_fit")[0].placed
"""


@pytest.mark.slow
def test_from_a_folder_to_a_wheel_that_is_used_by_name(tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    source, site = tmp_path / "source", tmp_path / "site"
    for path in PACKAGE.rglob("*.*"):
        target = source / path.relative_to(PACKAGE)
        if path.is_file() and "__pycache__" not in path.parts:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    subprocess.run(
        [*pip, "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(tmp_path), str(source)],
        check=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    subprocess.run([*pip, "install", "-q", "--no-deps", "--target", str(site), str(wheel)], check=True)
    environment = {**os.environ, "PYTHONPATH": str(site)}
    subprocess.run([sys.executable, "-W", "error", "-c", USE], check=True, env=environment, cwd=tmp_path)
    tests = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(source / "tests")]
    subprocess.run(tests, check=True, env=environment, cwd=source)
