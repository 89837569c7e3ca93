"""The commands on a real Slurm."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

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


def test_one_decider_at_a_time_and_another_when_it_dies(tmp_path: Path, harness: SlurmHarness) -> None:
    slurm = harness.slurm
    command = [str(Path(sys.executable).with_name("hal")), "run", "--adapter", "slurm", "-o", f"conf={slurm.conf}",
               "--interval", "0.2", "--lock", str(tmp_path / "lock")]  # fmt: skip

    def decider() -> subprocess.Popen[str]:
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=slurm.environment)
        processes.append(process)
        return process

    processes: list[subprocess.Popen[str]] = []
    try:
        first = decider()
        assert said(first) == "running"
        second = decider()
        assert said(second) == "another one decides"
        before = [slurm.sbatch("-p", "cpu") for _ in "abc"]
        until(lambda: all(harness.where(job) for job in before))
        where = {job: list(harness.where(job)) for job in before}
        first.kill()
        assert said(second) == "running"  # and nothing meanwhile
        after = slurm.sbatch("-p", "cpu")
        until(lambda: bool(harness.where(after)))
        assert {job: list(harness.where(job)) for job in before} == where
        third = decider()
        assert said(third) == "another one decides"
        third.terminate()  # also while it waits
        assert third.wait(60) == 0
        second.terminate()
        assert second.wait(60) == 0
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def said(process: subprocess.Popen[str]) -> str:
    """Return the message of the next line of a decider's log."""
    assert process.stderr is not None
    return str(json.loads(process.stderr.readline())["message"])
