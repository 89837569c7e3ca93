from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.adapters.slurm.cluster import PROGRAMS, SlurmCluster
from tests.adapters.slurm.harness import SlurmHarness
from tests.waiting import until


def need(*more: str) -> None:
    """Skip, or fail under CI, where Slurm's programs are not installed."""
    missing = [name for name in (*PROGRAMS, *more) if shutil.which(name) is None]
    if missing:
        if os.environ.get("CI"):
            pytest.fail(f"not installed: {', '.join(missing)}")
        pytest.skip(f"not installed: {', '.join(missing)}; see make servers")


@pytest.fixture(scope="session")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmCluster]:
    """Return a running Slurm of 4 GPU nodes and 8 others."""
    need()
    cluster = SlurmCluster(tmp_path_factory.mktemp("slurm"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
def captures(traces: Path) -> Path:
    """Return the folder of real answers of two releases of Slurm."""
    folder = traces.parent / "fixtures"
    assert (folder / "slurm-22.05.8").is_dir()
    return folder


@pytest.fixture
def harness(slurm: SlurmCluster) -> SlurmHarness:
    if "slurmctld" not in slurm.processes:
        slurm.start_controller()
    for name in slurm.nodes:
        if name not in slurm.processes:
            slurm.start_node(name)
    slurm.run(["scancel", "--user=root"], check=False)
    for name, state in slurm.states().items():
        if state != "IDLE":
            slurm.run(["scontrol", "update", f"NodeName={name}", "State=RESUME"], check=False)
    until(lambda: not slurm.run(["squeue", "-h"]).strip())
    until(lambda: set(slurm.states().values()) == {"IDLE"})
    return SlurmHarness(slurm)
