"""The Helm chart, rendered."""

from __future__ import annotations

import itertools
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.adapters.kubernetes.cluster import program

__all__ = ["CHART", "EVERYTHING", "helm", "rendered"]

CHART = Path(__file__).parents[2] / "deploy" / "chart" / "hal"
EVERYTHING = (
    "extender.enabled=true",
    "podMonitor.enabled=true",
    "serve.power=true",
    "serve.controller=pid",
    "scheduler.prometheus.url=http://prometheus:9090",
)


def helm(*arguments: str) -> str:
    """Run helm; it must be content."""
    path = program("helm")
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("no helm: run tools/servers.sh")
        pytest.skip("no helm: see make servers")
    told = subprocess.run([path, *arguments], capture_output=True, text=True)
    assert told.returncode == 0, told.stdout + told.stderr
    return told.stdout


def rendered(*settings: str) -> list[dict[str, Any]]:
    """Return the objects of the chart with these values."""
    options = itertools.chain.from_iterable(("--set", setting) for setting in settings)
    return [thing for thing in yaml.safe_load_all(helm("template", "hal", str(CHART), *options)) if thing]
