"""Order and reservations on a real Slurm."""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from pathlib import Path

import pytest
from hal.adapters import Loop, Outcome, Reserved
from hal.adapters.slurm import SlurmAdapter

import hal
from hal.reserve import Maintenance, Request, solve
from tests.adapters.slurm.cluster import SlurmCluster
from tests.adapters.slurm.conftest import need
from tests.adapters.slurm.harness import SlurmHarness
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.server]


def started(slurm: SlurmCluster, jobs: list[str], told: Path) -> list[str]:
    """Jobs in the order in which they started, once all have."""
    until(lambda: told.exists() and len(told.read_text().split()) == len(jobs))
    return told.read_text().split()


@pytest.mark.parametrize("steer", ["site_factor", "priority"])
def test_jobs_start_in_hals_order(tmp_path: Path, steer: str) -> None:
    """Six jobs wait for one node; hal has the largest start first, and another's job keeps its standing."""
    need()
    # Backfill may start a job while one of higher priority is just waiting for its node to be cleaned up.
    rare = "bf_interval=10000,batch_sched_delay=0,sched_min_interval=0"
    slurm = SlurmCluster(
        tmp_path / "slurm", gpu_nodes=1, cpu_nodes=1, PriorityType="priority/multifactor", PriorityWeightAge="100",
        SchedulerParameters=rare,
    )  # fmt: skip
    try:
        slurm.start()
        _starts_in_order(slurm, tmp_path / "started", steer)
    finally:
        slurm.stop()


def test_priorities_that_slurm_does_not_keep_are_refused(harness: SlurmHarness) -> None:
    slurm = harness.slurm
    jobs = [slurm.sbatch("-n", "1", "-w", "c0", "--begin=now+1hour", held=False) for _ in "ab"]
    with pytest.raises(hal.AdapterError, match="priority/multifactor"):
        SlurmAdapter(conf=str(slurm.conf), steer="priority").rank(jobs[::-1])


def _starts_in_order(slurm: SlurmCluster, told: Path, steer: str) -> None:
    first = slurm.sbatch("-n", "16", "-w", "c0", held=False)
    until(lambda: slurm.job(first)["JobState"] == "RUNNING")
    script = f"echo $SLURM_JOB_ID >> {told}"
    sizes = [9, 12, 10, 14, 11, 13]
    options = ["-w", "c0", "--comment=hal"]
    jobs = [slurm.sbatch("-n", str(n), *options, script=script, held=False) for n in sizes]
    other = slurm.sbatch("-n", "15", "-w", "c0", script=script, held=False)
    before = slurm.job(other)["Priority"]
    loop = Loop(SlurmAdapter(conf=str(slurm.conf), steer=steer), order="largest_first")
    done = loop.step()
    assert {placement.job for placement in done.placements} == set(jobs)
    loop.step()  # again: nothing to change
    assert slurm.job(other)["Priority"] == before
    slurm.run(["scancel", first])
    order = started(slurm, [*jobs, other], told)
    order.remove(other)
    assert order == [job for _, job in sorted(zip(sizes, jobs, strict=True), reverse=True)]


def test_a_plan_becomes_reservations(harness: SlurmHarness, tmp_path: Path) -> None:
    pytest.importorskip("ortools")
    slurm = harness.slurm
    adapter = harness.adapter()
    plan = solve(
        [
            Request(
                "train", duration="2h", tasks=2, exclusive=True, selector={"partition/cpu": "1"}, start="1h"
            ),
            Request("tune", duration="90min", gpus=2, window=("1h", "9h")),
            Maintenance("firmware", nodes=["c0"], duration="1h", window=("3h", "6h")),
        ],
        adapter.snapshot().cluster,
        now=0,
    )
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(plan.to_dict()))
    begin = int(time.time()) + 3600  # never the second in which the command below counts from
    wanted = [
        Reserved(b.name, begin + b.start, begin + b.end, b.nodes, isinstance(b.request, Maintenance))
        for b in plan
    ]
    try:
        assert [answer.outcome for answer in adapter.reserve(wanted)] == [Outcome.APPLIED] * 3
        assert [answer.outcome for answer in adapter.reserve(wanted)] == [Outcome.ALREADY] * 3
        has = {one.name: one for one in adapter.client.reservations()}
        for one in wanted:
            found = has[f"hal_{one.name}"]
            assert (found.start, found.end) == (one.start, one.end)
            assert sorted(hal.topology.expand_hosts(found.nodes)) == sorted(set(one.nodes))
        assert {"MAINT", "IGNORE_JOBS"} <= set(has["hal_firmware"].flags)
        later = [dataclasses.replace(one, end=one.end + 600) for one in wanted[:1]]
        assert [answer.outcome for answer in adapter.reserve(later)] == [Outcome.APPLIED]
        command = [str(Path(sys.executable).with_name("hal")), "reserve", "apply", str(path), "--adapter", "slurm",
                   "-o", f"conf={slurm.conf}", "--from-now", "--users", "root", "--json"]  # fmt: skip
        told = json.loads(slurm.run(command))
        assert {row["name"]: row["outcome"] for row in told} == dict.fromkeys(
            ("train", "tune", "firmware"), "applied"
        )
        # Jobs keep away from what is reserved, and their own is theirs.
        mine = slurm.sbatch("-p", "cpu", "--reservation=hal_train", "-t", "30")
        others = slurm.sbatch("-p", "cpu", "-N", "7", "-t", "600")
        snapshot = adapter.snapshot()
        placed = {p.job: p for p in hal.place(snapshot.cluster, snapshot.jobs)}
        reserved = set(
            hal.topology.expand_hosts({r.name: r for r in adapter.client.reservations()}["hal_train"].nodes)
        )
        assert set(placed[mine].nodes) <= reserved
        assert not placed[others].placed
    finally:
        slurm.run(["scancel", "--user=root"])
        until(lambda: not slurm.run(["squeue", "-h"]).strip())  # what a job asks for cannot be deleted
        for one in adapter.client.reservations():
            slurm.run(["scontrol", "delete", f"ReservationName={one.name}"])
