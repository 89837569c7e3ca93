"""Nodes and jobs: one meaning, one spelling; wrong fields are named and refused."""

from __future__ import annotations

import dataclasses
import math
import pickle
from collections.abc import Callable

import pytest

import hal
from hal.errors import InvalidModel


def test_human_units_become_base_units() -> None:
    node = hal.Node("n1", cpus="64", memory="256GiB", gpus=hal.gpus(8, "A100", memory="80GiB"))
    assert (node.cpu_milli, node.memory_mib, len(node.gpus), node.gpus[0].memory) == (
        64_000,
        262_144,
        8,
        81_920,
    )
    job = hal.Job("j", cpus=0.5, memory="1GiB", gpus=2)
    assert (job.cpu_milli, job.memory_mib, job.gpus, job.gpu_milli) == (500, 1024, 2, 1000)


@pytest.mark.parametrize(
    ("fields", "gpus", "milli"),
    [
        ({}, 0, 0),
        ({"gpus": 0.46}, 1, 460),
        ({"gpu_share": "460m"}, 1, 460),
        ({"gpus": 3, "gpu_share": 0.5}, 3, 500),
        ({"gpus": 1, "gpu_share": 1}, 1, 1000),
        ({"gpu_memory": "10GiB"}, 1, 0),
        ({"gpus": 2, "gpu_memory": "10GiB"}, 2, 1000),
        ({"gpus": 2, "gpu_share": "memory", "gpu_memory": 1}, 2, 0),
    ],
)
def test_each_gpu_request_has_one_canonical_form(fields: dict[str, object], gpus: int, milli: int) -> None:
    job = hal.Job("j", **fields)
    assert (job.gpus, job.gpu_milli) == (gpus, milli)
    assert dataclasses.replace(job) == job


BAD: dict[str, Callable[[], object]] = {
    "tasks": lambda: hal.Job("j", tasks=0),
    "tasks = True": lambda: hal.Job("j", tasks=True),
    "cpus = nan": lambda: hal.Job("j", cpus=math.nan),
    "memory = -1": lambda: hal.Job("j", memory=-1),
    "gpus = 1.5": lambda: hal.Job("j", gpus=1.5),
    "gpus = 65": lambda: hal.Job("j", gpus=65),
    "gpus = '2'": lambda: hal.Job("j", gpus="2"),
    "gpu_share = 1.001": lambda: hal.Job("j", gpus=1, gpu_share=1.001),
    "gpu_memory": lambda: hal.Job("j", gpus=1, gpu_share="memory"),
    "colour": lambda: hal.Job("j", colour="red"),
    "name": lambda: hal.Job(""),
    "name = 3": lambda: hal.Job(3),
    "is required": lambda: hal.Job(),
    "name = 'a\\\\nb'": lambda: hal.Job("a\nb"),
    "priority": lambda: hal.Job("j", priority=2**40),
    "selector": lambda: hal.Job("j", selector="zone"),
    "tolerations": lambda: hal.Job("j", tolerations=["x"]),
    "count = 65": lambda: hal.Node("n", gpus=hal.gpus(65, "A")),
    "at most 64": lambda: hal.Node("n", gpus=hal.gpus(64, "A") + hal.gpus(1, "A")),
    "labels": lambda: hal.Node("n", labels={"zone": 1}),
    "resources\\['fpga'\\] = -1": lambda: hal.Node("n", resources={"fpga": -1}),
    "resources\\['fpga'\\] = 1.5": lambda: hal.Node("n", resources={"fpga": 1.5}),
    "effect": lambda: hal.Taint("k", effect="Sometimes"),
    "op": lambda: hal.Selector("k", "Near", ["x"]),
    "schedulable": lambda: hal.Node("n", schedulable="yes"),
}


@pytest.mark.parametrize("match", BAD)
def test_bad_fields_are_named(match: str) -> None:
    with pytest.raises(InvalidModel, match=match):
        BAD[match]()


def test_the_core_refuses_what_only_it_knows() -> None:
    with pytest.raises(InvalidModel, match="integer"):
        hal.Job("j", selector=[hal.Selector("generation", "Gt", ["seven"])])
    with pytest.raises(InvalidModel, match="cpu"):
        hal.Node("n", resources={"cpu": 3})._spec()


def test_values_are_frozen_hashable_and_pickle() -> None:
    job = hal.Job(
        "j", gpus=0.3, selector={"zone": ["a", "b"]}, resources={"fpga": 2}, tolerations=[hal.Toleration()]
    )
    assert pickle.loads(pickle.dumps(job)) == job
    assert {job: 1}[dataclasses.replace(job)] == 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        job.tasks = 3


def test_idle_gpus_come_and_go_under_running_jobs() -> None:
    def node(*devices: hal.GPU) -> hal.Node:
        return hal.Node("n", cpus=8, gpus=devices)

    t4, a100 = hal.gpus(1, "T4"), hal.gpus(1, "A100")
    cluster = hal.Cluster([node(*t4 * 4), hal.Node("other", cpus=8, gpus=t4)])
    hal.place(cluster, [hal.Job("two", gpus=2), hal.Job("part", gpus=0.3)], "gpu_packing", apply=True)
    before = cluster.digest()
    with cluster.what_if() as trial:
        trial.update(node(*t4 * 3))
        trial.update(node(*t4 * 3, *a100 * 5))
        found = hal.place(trial, hal.Job("new", gpus=5, gpu_models=["A100"]), apply=True)[0]
        assert (found.nodes, found.gpus) == (("n",), ((3, 4, 5, 6, 7),))
        trial.release(["two", "part", "new"])
        assert hal.place(trial, hal.Job("all", gpus=8))[0].placed
    assert cluster.digest() == before
    with pytest.raises(InvalidModel, match="device 1 is in use and would"):
        cluster.update(node(*t4))
    with pytest.raises(InvalidModel, match="device 0 is in use and would"):
        cluster.update(node(*a100, *t4 * 3))
    assert cluster.digest() == before
    cluster.update(node(*t4 * 6))
    cluster.release(["two", "part"])
    assert hal.place(cluster, hal.Job("all", gpus=6))[0].placed
