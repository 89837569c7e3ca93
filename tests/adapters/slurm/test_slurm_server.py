"""A real slurmctld with 12 slurmd: what the adapter reads and does."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable

import pytest
from hal.adapters import JobQueued, Loop, Outcome
from hal.adapters.conformance import CHECKS, Harness
from hal.adapters.slurm import SlurmAdapter

import hal
from tests.adapters.slurm.harness import SlurmHarness
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.server]


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
        until(lambda: all(harness.where(job) for job in jobs))
    finally:
        stop.set()
        thread.join()


def test_a_job_whose_node_was_taken_meanwhile_waits_again(harness: SlurmHarness) -> None:
    slurm = harness.slurm
    loop = Loop(harness.adapter(), policy="first_fit")
    job = slurm.sbatch("-p", "cpu", "-n", "6")
    assert job in loop.mirror.waiting
    other = slurm.sbatch("-p", "cpu", "-w", "c0", "-n", "16", held=False)
    until(lambda: harness.where(other) == ["c0"])
    (placement,) = loop.step().placements  # as if nobody were there
    assert placement.nodes == ("c0",)
    until(lambda: loop.follow(0.1) >= 0 and job in loop.mirror.waiting)
    (placement,) = loop.step().placements
    assert placement.nodes == ("c1",)
    until(lambda: harness.where(job) == ["c1"])


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
    until(lambda: slurm.states().get("c1", "").startswith("DOWN"))
    stop = threading.Event()
    thread = threading.Thread(target=loop.run, args=(stop,), kwargs={"interval": 0.3})
    thread.start()
    try:
        until(lambda: harness.where(job) == ["c2"] and slurm.job(job)["JobState"] == "RUNNING")
    finally:
        stop.set()
        thread.join()
    slurm.start_node("c1")
    harness.close_node("c0", False)
    until(lambda: slurm.states().get("c1") == "IDLE" and slurm.states().get("c0") == "IDLE")
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
        until(lambda: all(harness.where(job) for job in after))
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
    assert slurm.job(job)["ReqNodeList"] == "c3"  # who only looks changes nothing
    assert not adapter.apply([])
    assert slurm.job(job)["ReqNodeList"] == "(null)"
    fresh = adapter.snapshot()
    (placement,) = hal.place(fresh.cluster, [j for j in fresh.jobs if j.name == job])
    assert placement.nodes[0] in slurm.gpu
    (answer,) = adapter.apply([placement])
    assert answer.outcome.holds
    until(lambda: list(harness.where(job)) == list(placement.nodes))
    assert snapshot.version


@pytest.mark.parametrize("form", ["json", "text"])
def test_what_users_said_of_nodes_outlives_a_pin(harness: SlurmHarness, form: str) -> None:
    slurm = harness.slurm
    job, wide = slurm.sbatch("-p", "cpu", "-w", "c3"), slurm.sbatch("-p", "cpu", "-N", "3", "-w", "c[4-6]")
    others = slurm.sbatch("-p", "cpu", "-w", "c7", "--comment=hal", "--begin=now+1hour", held=False)
    adapter = SlurmAdapter(conf=str(slurm.conf), form=form, poll=0.1)
    loop = Loop(adapter)
    assert set(loop.mirror.waiting) == {job, wide}
    for node in ("c3", "c5", "c7"):
        harness.close_node(node, True)  # after hal has looked
    assert {p.job: set(p.nodes) for p in loop.step().placements} == {job: {"c3"}, wide: {"c4", "c5", "c6"}}
    assert "requiring (c3)" in slurm.run(["scontrol", "show", "job", job])
    until(lambda: loop.follow(0.1) >= 0 and set(loop.mirror.waiting) == {job, wide})
    assert not any(placement.placed for placement in loop.step().placements)
    assert [slurm.job(each)["ReqNodeList"] for each in (job, wide, others)] == ["c3", "c[4-6]", "c7"]
    assert slurm.job(others)["Priority"] != "0"  # somebody else's pin
    for node in ("c3", "c5", "c7"):
        harness.close_node(node, False)
    until(lambda: loop.follow(0.1) >= 0 and len([p for p in loop.step().placements if p.placed]) == 2)
    until(lambda: list(harness.where(job)) == ["c3"] and len(harness.where(wide)) == 3)


def test_a_pin_that_was_not_released_is_done_anew(harness: SlurmHarness) -> None:
    slurm = harness.slurm
    job = slurm.sbatch("-p", "cpu")
    slurm.run(
        ["scontrol", "update", f"JobId={job}", "ReqNodeList=c5", "AdminComment=hal pinned, requiring ()"]
    )
    harness.close_node("c5", True)
    (placement,) = Loop(harness.adapter(), policy="first_fit").step().placements
    assert placement.nodes == ("c0",)
    until(lambda: list(harness.where(job)) == ["c0"])


def test_limits_of_slurm_s_own_hold_nobody_up(harness: SlurmHarness) -> None:
    slurm = harness.slurm
    long = slurm.sbatch(
        "-p", "cpu", "-N", "8", "--exclusive", "--time=5-00:00:00"
    )  # partitions end after a day
    few = slurm.sbatch("-p", "cpu", "--array=1-6%2", script="sleep 1")
    odd = slurm.sbatch("-p", "cpu", "--contiguous")
    late = slurm.sbatch("-p", "cpu", "--begin=now+1hour")
    loop = Loop(harness.adapter())
    seen: set[str] = set()

    def done() -> bool:
        loop.follow(0.1)
        seen.update(applied.job for applied in loop.step().applied)
        return len(loop.mirror.waiting) == 0 and not loop.mirror.running

    until(done, "the array has run")
    assert seen == {long, *(f"{few}_{task}" for task in range(1, 7))}
    assert slurm.job(long)["Reason"] == "PartitionTimeLimit"
    for job, told in ((odd, "contiguous"), (late, "begin")):
        assert told in slurm.run(["scontrol", "show", "job", job])
    assert set(loop.mirror.held) == {odd, late}


@pytest.mark.parametrize("records", [1, 1000])
def test_a_thousand_jobs_are_read_in_a_few_calls(harness: SlurmHarness, records: int) -> None:
    slurm = harness.slurm
    array = slurm.sbatch("--array=1-1000", "-p", "cpu", "-n", "1", "--mem=10")
    adapter = harness.adapter()
    if records > 1:  # a task that is changed by itself has a record of its own
        adapter.client.batch([f"update JobId={array}_{task} TimeLimit=60" for task in range(1, records + 1)])
    until(lambda: len(slurm.run(["squeue", "-h", "-t", "PD", "-j", array]).splitlines()) >= records)
    loop = Loop(adapter)
    before = adapter.client.calls
    done = loop.step()
    assert len(done.placements) == 1000
    assert adapter.client.calls - before < 12
    placed = [placement for placement in done.placements if placement.placed]
    assert len(placed) == 8 * 16  # what the CPUs hold
    assert done.outcomes() == {"applied": len(placed)}
    running = ["squeue", "-h", "-t", "R", "-r", "-j", array, "-o", "%N"]
    until(lambda: len(slurm.run(running).splitlines()) >= len(placed))
    assert max(Counter(slurm.run(running).splitlines()).values()) <= 16


@pytest.mark.parametrize("form", ["json", "text"])
def test_dependencies_and_licences_are_waited_for(harness: SlurmHarness, form: str) -> None:
    slurm = harness.slurm
    first = slurm.sbatch("-p", "cpu", script="sleep 600", held=False)
    after = slurm.sbatch("-p", "cpu", "-d", f"afterany:{first}")
    three, two, one = (slurm.sbatch("-p", "cpu", "-L", f"fluent:{count}") for count in (3, 2, 1))
    odd = slurm.sbatch("-p", "cpu", "--contiguous", "--exclusive=user")
    het = slurm.heterogeneous(["-p", "gpu"], ["-p", "cpu", "-w", "c7"])
    loop = Loop(SlurmAdapter(conf=str(slurm.conf), form=form, poll=0.1))
    assert {p.job for p in loop.step().placements} == {
        three,
        one,
    }  # of four licences; the dependency is not met
    held = {item.where: (item.field, item.value) for item in loop.mirror.dropped if item.effect == "held"}
    assert held[f"job {odd}"] == ("request", "exclusive=user, contiguous")
    assert held[f"job {het}"] == ("required_nodes", "c7")
    until(lambda: bool(harness.where(three)) and bool(harness.where(one)))
    slurm.run(["scancel", first, three])
    until(lambda: loop.follow(0.1) >= 0 and {after, two} <= set(loop.mirror.waiting))
    assert {p.job for p in loop.step().placements if p.placed} == {after, two}
    until(lambda: bool(harness.where(after)) and bool(harness.where(two)))
