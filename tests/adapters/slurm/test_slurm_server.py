"""Against a real slurmctld with twelve slurmd: jobs really run where hal puts them."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hal.adapters import FileLock, JobQueued, Loop, Outcome, Reserved
from hal.adapters.conformance import CHECKS, Harness
from hal.adapters.slurm import SlurmAdapter

import hal
from hal.reserve import Maintenance, Request, solve
from tests.adapters.slurm.cluster import SlurmCluster, until
from tests.adapters.slurm.conftest import need

pytestmark = [pytest.mark.slow, pytest.mark.server]


class SlurmHarness:
    """What the contract's checks do to Slurm."""

    patience = 15.0

    def __init__(self, slurm: SlurmCluster) -> None:
        self.slurm = slurm

    def adapter(self) -> SlurmAdapter:
        return SlurmAdapter(conf=str(self.slurm.conf), poll=0.1)

    def submit(self, count: int) -> list[str]:
        return [self.slurm.sbatch("-n", "1", "-p", "all") for _ in range(count)]

    def withdraw(self, job: str) -> None:
        self.slurm.run(["scancel", job])

    def seize(self, job: str, node: str) -> bool:
        self.slurm.run(["scontrol", "update", f"JobId={job}", f"ReqNodeList={node}"])
        self.slurm.run(["scontrol", "release", job])
        until(lambda: list(self.where(job)) == [node])
        return True

    def where(self, job: str) -> Sequence[str]:
        given = self.slurm.job(job).get("NodeList", "")
        return hal.topology.expand_hosts(given) if given not in ("", "(null)") else ()

    def close_node(self, node: str, closed: bool) -> None:
        state = ["State=DRAIN", "Reason=test"] if closed else ["State=RESUME"]
        self.slurm.run(["scontrol", "update", f"NodeName={node}", *state])


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
    until(lambda: set(slurm.states().values()) == {"IDLE"}, 60)
    return SlurmHarness(slurm)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_slurm_keeps_the_contract(check: Callable[[Harness], None], harness: SlurmHarness) -> None:
    check(harness)


@pytest.mark.parametrize("form", ["json", "text"])
def test_jobs_get_the_nodes_and_gpus_chosen(harness: SlurmHarness, form: str) -> None:
    slurm = harness.slurm
    wide = slurm.sbatch("-N", "3", "-p", "cpu", "--ntasks-per-node=4")
    gpus = [
        slurm.sbatch("-n", "1", "-p", "gpu", "--gres=gpu:a100:2", script="env | grep CUDA; sleep 600")
        for _ in "abcd"
    ]
    array = slurm.sbatch("--array=1-4", "-p", "cpu", "-n", "2")
    whole = slurm.sbatch("-p", "gpu", "--exclusive", "-C", "a100&ib")
    adapter = SlurmAdapter(conf=str(slurm.conf), form=form)
    loop = Loop(adapter, policy="best_fit")
    done = loop.step()
    assert done.outcomes() == {"applied": 10}
    placed = {placement.job: placement for placement in done.placements}
    assert set(placed) == {wide, *gpus, *(f"{array}_{i}" for i in range(1, 5)), whole}
    for name, placement in placed.items():
        until(lambda n=name, p=placement: sorted(harness.where(n)) == sorted(p.nodes))  # type: ignore[misc]
    assert len(set(placed[wide].nodes)) == 3
    assert [harness.where(name) for name in gpus] == [["g0"], ["g0"], ["g1"], ["g1"]]
    assert sorted(slurm.job(name)["GRES"] for name in gpus[:2]) == [
        "gpu:a100:2(IDX:0-1)",
        "gpu:a100:2(IDX:2-3)",
    ]
    for name, devices in zip(gpus[:2], ("0,1", "2,3"), strict=True):
        told = slurm.folder / "work" / f"slurm-{name}.out"
        until(lambda t=told: t.exists() and "CUDA" in t.read_text())  # type: ignore[misc]
        assert f"CUDA_VISIBLE_DEVICES={devices}" in told.read_text()
    loop.follow(0.2)
    fresh = adapter.snapshot()
    assert fresh.cluster.columns.free_cpu.tolist() == loop.mirror.cluster.columns.free_cpu.tolist()
    assert not any(item.effect == "unschedulable" for item in loop.mirror.dropped)


def test_tasks_dealt_out_unevenly_delay_nobody(harness: SlurmHarness) -> None:
    slurm = harness.slurm
    jobs = [
        slurm.sbatch("-N", "3", "-p", "cpu", "-n", "20"),
        *(slurm.sbatch("-p", "cpu", "-n", "6") for _ in "abcd"),
    ]
    stop = threading.Event()
    thread = threading.Thread(target=Loop(harness.adapter()).run, args=(stop,), kwargs={"interval": 0.3})
    thread.start()
    try:
        until(lambda: all(harness.where(job) for job in jobs), 120)
    finally:
        stop.set()
        thread.join()


def test_a_node_drained_killed_and_returned(harness: SlurmHarness) -> None:
    slurm = harness.slurm
    adapter = harness.adapter()
    loop = Loop(adapter, policy="first_fit")
    assert loop.mirror.cluster.node("c0").schedulable
    harness.close_node("c0", True)
    job = slurm.sbatch("-p", "cpu", "--requeue")
    loop.follow(0.3)
    (placement,) = loop.step().placements
    assert placement.nodes == ("c1",)
    until(lambda: harness.where(job) == ["c1"])
    slurm.kill("c1")
    until(lambda: slurm.states().get("c1", "").startswith("DOWN"), 60)
    stop = threading.Event()
    thread = threading.Thread(target=loop.run, args=(stop,), kwargs={"interval": 0.3})
    thread.start()
    try:
        until(lambda: harness.where(job) == ["c2"] and slurm.job(job)["JobState"] == "RUNNING", 60)
    finally:
        stop.set()
        thread.join()
    slurm.start_node("c1")
    harness.close_node("c0", False)
    until(lambda: slurm.states().get("c1") == "IDLE" and slurm.states().get("c0") == "IDLE", 60)
    last = slurm.sbatch("-p", "cpu")
    until(lambda: loop.follow(0.1) >= 0 and last in loop.mirror.waiting)
    (placement,) = loop.step().placements
    assert placement.nodes == ("c0",)
    until(lambda: harness.where(last) == ["c0"])
    assert slurm.job(job)["NodeList"] == "c2"


def test_slurmctld_restarted_in_the_middle(harness: SlurmHarness) -> None:
    slurm = harness.slurm
    adapter = SlurmAdapter(conf=str(slurm.conf), poll=0.1, timeout=3)
    loop = Loop(adapter)
    stop = threading.Event()
    thread = threading.Thread(target=loop.run, args=(stop,), kwargs={"interval": 0.2})
    before = [slurm.sbatch("-p", "cpu") for _ in range(5)]
    thread.start()
    try:
        until(lambda: all(slurm.job(job)["JobState"] == "RUNNING" for job in before))
        where = {job: list(harness.where(job)) for job in before}
        slurm.end("slurmctld")
        time.sleep(1.5)
        slurm.start_controller()
        after = [slurm.sbatch("-p", "cpu") for _ in range(5)]
        until(lambda: all(harness.where(job) for job in after), 120)
    finally:
        stop.set()
        thread.join()
    assert {job: list(harness.where(job)) for job in before} == where
    assert all(slurm.job(job)["Restarts"] == "0" for job in before)


def test_an_impossible_pin_is_noticed(harness: SlurmHarness) -> None:
    slurm = harness.slurm
    job = slurm.sbatch("-p", "gpu", "--gres=gpu:a100:1")
    adapter = harness.adapter()
    snapshot = adapter.snapshot()
    bad = hal.Placement(
        job, hal.Status.PLACED, ("c3",), ((0,),), (1.0,)
    )  # no GPU there, and not in the partition
    (answer,) = adapter.apply([bad])
    assert answer.outcome in (Outcome.APPLIED, Outcome.REFUSED), answer
    queued: list[hal.Job] = []

    def again() -> bool:
        for delta in adapter.watch(adapter.version, timeout=0.1):
            if isinstance(delta, JobQueued):
                queued.append(delta.job)
        return bool(queued) or job in [j.name for j in adapter.snapshot().jobs]

    until(again)
    assert slurm.job(job)["ReqNodeList"] == "(null)"
    fresh = adapter.snapshot()
    (placement,) = hal.place(fresh.cluster, [j for j in fresh.jobs if j.name == job])
    assert placement.nodes[0] in slurm.gpu
    (answer,) = adapter.apply([placement])
    assert answer.outcome.holds
    until(lambda: list(harness.where(job)) == list(placement.nodes))
    assert snapshot.version


def test_a_thousand_jobs_are_read_in_a_few_calls(harness: SlurmHarness) -> None:
    slurm = harness.slurm
    array = slurm.sbatch("--array=1-1000", "-p", "cpu", "-n", "1", "--mem=10", script="sleep 30")
    adapter = harness.adapter()
    loop = Loop(adapter)
    before = adapter.client.calls
    done = loop.step()
    assert len(done.placements) == 1000
    assert adapter.client.calls - before < 12
    placed = [placement for placement in done.placements if placement.placed]
    assert len(placed) == 8 * 16  # what the CPUs hold
    assert done.outcomes() == {"applied": len(placed)}
    until(
        lambda: len(slurm.run(["squeue", "-h", "-t", "R", "-r", "-j", array]).splitlines()) >= len(placed), 60
    )
    used: dict[str, int] = {}
    for line in slurm.run(["squeue", "-h", "-t", "R", "-r", "-j", array, "-o", "%N"]).splitlines():
        used[line] = used.get(line, 0) + 1
    assert max(used.values()) <= 16


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


@pytest.mark.parametrize("form", ["json", "text"])
def test_dependencies_and_licences_are_waited_for(harness: SlurmHarness, form: str) -> None:
    slurm = harness.slurm
    first = slurm.sbatch("-p", "cpu", script="sleep 600", held=False)
    after = slurm.sbatch("-p", "cpu", "-d", f"afterany:{first}")
    three, two, one = (slurm.sbatch("-p", "cpu", "-L", f"fluent:{count}") for count in (3, 2, 1))
    odd = slurm.sbatch("-p", "cpu", "--contiguous", "--exclusive=user")
    het = slurm.run(["sbatch", "--parsable", "--hold", "--comment=hal", "-p", "gpu", ":", "--hold", "--comment=hal",
                     "-p", "cpu", _sleeper(slurm)]).strip()  # fmt: skip
    loop = Loop(SlurmAdapter(conf=str(slurm.conf), form=form, poll=0.1))
    assert {p.job for p in loop.step().placements} == {
        three,
        one,
    }  # of four licences; the dependency is not met
    held = {item.where: (item.field, item.value) for item in loop.mirror.dropped if item.effect == "held"}
    assert held[f"job {odd}"] == ("request", "exclusive=user, contiguous")
    assert held[f"job {het}"][0] == "het_job_id"
    until(lambda: bool(harness.where(three)) and bool(harness.where(one)))
    slurm.run(["scancel", first, three])
    until(lambda: loop.follow(0.1) >= 0 and {after, two} <= set(loop.mirror.waiting))
    assert {p.job for p in loop.step().placements if p.placed} == {after, two}
    until(lambda: bool(harness.where(after)) and bool(harness.where(two)))


def _sleeper(slurm: SlurmCluster) -> str:
    script = slurm.folder / "work" / "sleeper.sh"
    script.write_text("#!/bin/sh\nsleep 600\n")
    return str(script)


def started(slurm: SlurmCluster, jobs: list[str], told: Path) -> list[str]:
    """Jobs in the order in which they started, once all have."""
    until(lambda: told.exists() and len(told.read_text().split()) == len(jobs), 90)
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
    begin = int(time.time()) + 10
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
        for one in adapter.client.reservations():
            slurm.run(["scontrol", "delete", f"ReservationName={one.name}"], check=False)


def test_one_decider_at_a_time(tmp_path: object, harness: SlurmHarness) -> None:
    first, second = FileLock(f"{tmp_path}/lock"), FileLock(f"{tmp_path}/lock")
    assert first.acquire()
    assert not second.acquire()
    first.release()
    assert second.acquire()
