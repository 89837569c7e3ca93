"""Jobs whose number of nodes a real slurmctld settles itself: where hal puts them they start, with all they ask for."""

from __future__ import annotations

import functools

import pytest
from hal.adapters import Loop, Snapshot
from hal.adapters.conformance import books
from hal.adapters.slurm import SlurmAdapter

import hal
from tests.adapters.slurm.harness import SlurmHarness
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.server]

#: What is asked for, and on how many of four nodes with 16 CPUs and 4 GPUs it runs.
ASKED = [
    (("--gpus=8",), 2, 8),
    (("--gpus=5", "-n", "1"), 2, 5),
    (("--gpus=8", "-n", "8"), 2, 8),
    (("--gpus=8", "-n", "40"), 3, 8),
    (("--gpus=8", "--cpus-per-gpu=4"), 2, 8),
    (("--gpus=8", "--mem-per-gpu=10000"), 2, 8),
    (("--gpus=8", "--mem=1000"), 2, 8),
    (("--gpus=8", "--gpus-per-node=4"), 2, 8),
    (("--gpus=8", "-N", "2-3"), 2, 8),
    (("--gpus=8", "--ntasks-per-gpu=1"), 2, 8),
    (("--gpus-per-task=1", "-n", "8", "-c", "4"), 2, 8),
    (("--gpus=4", "-n", "4", "--ntasks-per-node=1"), 4, 4),
    (("-n", "40"), 3, 0),
    (("-n", "3", "-c", "10"), 3, 0),  # Slurm's own guess is two nodes
    (("-n", "40", "--exclusive"), 3, 0),
    (("--mincpus=16",), 1, 0),
]


@pytest.mark.parametrize("form", ["json", "text"])
def test_jobs_start_on_as_many_nodes_as_they_need(harness: SlurmHarness, form: str) -> None:
    slurm = harness.slurm
    adapter = SlurmAdapter(conf=str(slurm.conf), form=form, poll=0.1)
    for options, count, gpus in ASKED:
        job = slurm.sbatch("-p", "gpu", *options)
        loop = Loop(adapter, policy="first_fit")
        (placement,) = loop.step().placements
        assert placement.placed, options
        assert len(set(placement.nodes)) == count, (options, placement.nodes)
        starts(harness, job, placement)
        fresh = SlurmAdapter(conf=str(slurm.conf), form=form).snapshot()
        until(functools.partial(agrees, loop, fresh), f"{options}: {loop.mirror.running}")
        ours = [each for each in fresh.running if each.job.name.split("/")[0] == job]
        assert sum(len(each.nodes) * each.job.gpus for each in ours) >= gpus, options
        assert not any(item.effect == "unschedulable" for item in loop.mirror.dropped), options
        slurm.run(["scancel", job])
        until(lambda: not slurm.run(["squeue", "-h"]).strip())


def starts(harness: SlurmHarness, job: str, placement: hal.Placement) -> None:
    until(lambda: set(harness.where(job)) == set(placement.nodes), f"{placement}: {harness.slurm.job(job)}")


def agrees(loop: Loop, fresh: Snapshot) -> bool:
    loop.follow(0.1)
    return books(loop.mirror.cluster) == books(fresh.cluster)


def test_gpus_are_gathered_from_nodes_that_are_half_full(harness: SlurmHarness) -> None:
    slurm = harness.slurm
    busy = [
        slurm.sbatch("-p", "gpu", "-w", f"g{i}", f"--gpus={3 - i}", "-n", "1", held=False) for i in range(3)
    ]
    until(lambda: all(harness.where(job) for job in busy))
    ten = slurm.sbatch("-p", "gpu", "--gpus=10", "-n", "2")  # of 1, 2, 3 and 4 that are idle
    never = slurm.sbatch("-p", "gpu", "--gpus=17")
    narrow = slurm.sbatch("-p", "gpu", "--gpus=8", "-N", "1")
    loop = Loop(harness.adapter())
    done = {placement.job: placement for placement in loop.step().placements}
    assert set(done[ten].nodes) == set(slurm.gpu)
    assert [done[job].status for job in (never, narrow)] == [hal.Status.INFEASIBLE] * 2
    until(lambda: slurm.job(ten)["JobState"] == "RUNNING")
    assert slurm.job(ten)["NodeList"] == "g[0-3]"
    assert slurm.job(ten)["Restarts"] == "0"


def test_a_pin_on_gpus_that_others_took_is_taken_back(harness: SlurmHarness) -> None:
    slurm = harness.slurm
    loop = Loop(harness.adapter(), policy="first_fit")
    job = slurm.sbatch("-p", "gpu", "--gpus=3", "-n", "1")
    assert job in loop.mirror.waiting
    other = slurm.sbatch("-p", "gpu", "-w", "g0", "--gpus=2", "-n", "1", held=False)
    until(lambda: harness.where(other) == ["g0"])
    (placement,) = loop.step().placements  # as if nobody were there; CPUs are left
    assert placement.nodes == ("g0",)
    until(lambda: loop.follow(0.1) >= 0 and job in loop.mirror.waiting)
    loop.step()
    until(lambda: harness.where(job) == ["g1"])


def test_what_changes_nothing_about_nodes_is_listed_and_what_does_is_left(harness: SlurmHarness) -> None:
    slurm = harness.slurm
    preferred = slurm.sbatch("-p", "cpu", "--prefer=ib")
    sockets = slurm.sbatch("-p", "gpu", "--gpus-per-socket=1", "--sockets-per-node=2")
    for form in ("json", "text"):
        snapshot = SlurmAdapter(conf=str(slurm.conf), form=form).snapshot()
        assert [each.name for each in snapshot.jobs] == [preferred]
        told = {item.where: (item.value, item.effect) for item in snapshot.dropped}
        assert told[f"job {preferred}"] == ("prefer=ib", "ignored")
        assert told[f"job {sockets}"] == ("tres_per_socket=gres:gpu:1", "held")
