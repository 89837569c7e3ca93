"""The commands on a real Slurm."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from hal.adapters import FileLock

from tests.adapters.slurm.harness import SlurmHarness
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.server]


def test_the_command_line_advises_then_does(harness: SlurmHarness) -> None:
    slurm = harness.slurm
    job, wide = slurm.sbatch("-p", "gpu", "--gres=gpu:a100:2"), slurm.sbatch("-p", "gpu", "-N", "9")
    command = [str(Path(sys.executable).with_name("hal"))]
    source = ["--adapter", "slurm", "-o", f"conf={slurm.conf}", "--policy", "fgd"]
    told = json.loads(slurm.run([*command, "advise", *source, "--json"], timeout=120))
    answers = {row["job"]: row["status"] for row in told["placements"]}
    assert answers[job] == "PLACED"
    assert answers[wide] in ("UNSCHEDULABLE", "INFEASIBLE")  # nine nodes of four
    assert not harness.where(job)
    done = subprocess.run(
        [*command, "run", *source, "--rounds", "2", "--interval", "0.2"],
        capture_output=True, text=True, timeout=120, check=True, env=slurm.environment,
    )  # fmt: skip
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert {"applied": 1} in [line.get("outcomes") for line in lines]
    until(lambda: list(harness.where(job)) == told["placements"][0]["nodes"])
    assert "nodes fit" in slurm.run(["scontrol", "show", "job", wide])


def test_metrics_while_it_runs_and_a_clean_end(harness: SlurmHarness) -> None:
    slurm = harness.slurm
    jobs = [slurm.sbatch("-p", "cpu") for _ in "abc"]
    command = [str(Path(sys.executable).with_name("hal")), "run", "--adapter", "slurm", "-o", f"conf={slurm.conf}",
               "--interval", "0.2", "--metrics-port", "0"]  # fmt: skip
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=slurm.environment) as process:
        assert process.stderr is not None
        try:
            address = json.loads(process.stderr.readline())["address"]
            until(lambda: 'hal_run_placements_total{outcome="applied"} 3.0' in _scraped(address))
            text = _scraped(address)
        finally:
            process.terminate()
        lines = [json.loads(line) for line in process.stderr]
    assert process.returncode == 0
    assert lines[-1]["message"] == "stopped"
    assert 'hal_run_info{adapter="slurm",policy="best_fit"} 1.0' in text
    assert "hal_run_faults_total 0.0" in text
    until(lambda: all(harness.where(job) for job in jobs))


def _scraped(address: str) -> str:
    with urllib.request.urlopen(address, timeout=10) as answer:
        return str(answer.read().decode())


def test_one_decider_at_a_time(tmp_path: object, harness: SlurmHarness) -> None:
    first, second = FileLock(f"{tmp_path}/lock"), FileLock(f"{tmp_path}/lock")
    assert first.acquire()
    assert not second.acquire()
    first.release()
    assert second.acquire()
