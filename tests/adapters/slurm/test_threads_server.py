"""Nodes whose cores have two threads: Slurm gives whole cores away, and hal's books have them whole."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hal.adapters import Loop
from hal.adapters.slurm import SlurmAdapter

import hal
from tests.adapters.slurm.cluster import SlurmCluster
from tests.adapters.slurm.conftest import need
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.server]


@pytest.fixture(scope="module")
def threaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmCluster]:
    """Return a Slurm of three nodes with eight cores of two threads."""
    need()
    cluster = SlurmCluster(tmp_path_factory.mktemp("slurm"), gpu_nodes=1, cpu_nodes=2, threads=2)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.mark.parametrize("form", ["json", "text"])
def test_whole_cores_are_in_the_books(threaded: SlurmCluster, form: str) -> None:
    slurm = threaded
    slurm.run(["scancel", "--user=root"])
    until(lambda: not slurm.run(["squeue", "-h"]).strip())
    adapter = SlurmAdapter(conf=str(slurm.conf), form=form, poll=0.1)
    assert {node.threads for node in adapter.client.nodes()} == {2}
    asked = {
        slurm.sbatch("-n", "3"): 4,
        slurm.sbatch("-n", "2", "--hint=nomultithread"): 4,
        slurm.sbatch("-c", "3"): 4,  # Slurm's own guess is two nodes
        slurm.sbatch("-n", "2", "-c", "3"): 6,
        slurm.sbatch("-n", "1", "--mem-per-cpu=1000"): 2,
    }
    ones = [slurm.sbatch("-n", "1") for _ in range(8)]  # six of them in what is left of 16 cores
    loop = Loop(adapter, policy="first_fit")
    done = {placement.job: placement for placement in loop.step().placements}
    for job, cpus in asked.items():
        assert loop.mirror.running[job].job.cpu_milli == 1000 * cpus, job
    placed = [job for job in ones if done[job].placed]
    assert len(placed) == 6
    for job in (*asked, *placed):
        until(lambda job=job: slurm.job(job)["JobState"] == "RUNNING", str(done[job]))  # type: ignore[misc]
        assert hal.topology.expand_hosts(slurm.job(job)["NodeList"]) == list(done[job].nodes)
    snapshot = adapter.snapshot()
    columns, by_name = snapshot.cluster.columns, {node.name: node for node in adapter.client.nodes()}
    for row, name in enumerate(snapshot.cluster.node_names()):
        assert columns.capacity_cpu[row] - columns.free_cpu[row] == 1000 * by_name[name].used_cpus, name
        assert columns.capacity_memory[row] - columns.free_memory[row] == by_name[name].used_memory, name
    slurm.run(["scancel", "--user=root"])
    wide = slurm.sbatch("-n", "30")
    until(lambda: loop.follow(0.1) >= 0 and set(loop.mirror.waiting) == {wide} and not loop.mirror.running)
    (placement,) = loop.step().placements
    until(lambda: slurm.job(wide)["JobState"] == "RUNNING", str(placement))
    assert slurm.job(wide)["NodeList"] == "c[0-1]"


def test_a_component_is_on_as_many_nodes_as_it_needs(threaded: SlurmCluster) -> None:
    slurm = threaded
    slurm.run(["scancel", "--user=root"])
    until(lambda: not slurm.run(["squeue", "-h"]).strip())
    job = slurm.heterogeneous(["-c", "3"], ["-p", "gpu", "--gres=gpu:a100:1"])
    (placement,) = Loop(SlurmAdapter(conf=str(slurm.conf)), policy="first_fit").step().placements
    assert placement.nodes == ("c0", "g0")
    until(lambda: slurm.job(job)["JobState"] == "RUNNING", str(placement))
    assert slurm.job(job)["NodeList"] == "c0"
