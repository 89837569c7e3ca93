"""What is read, built or simulated: a wrong path, flag, figure or part gets a typed error that names it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import hal
import hal.topology
from hal.files import read_jobs
from hal.replay import arrivals, openb, read_swf, read_workload, simulate
from hal.study import Cell, Store

HOST = hal.Cluster([hal.Node("n", cpus=64, memory="256GiB")])
JOB = hal.Job("new", cpus=1)
WORK = arrivals.poisson(load=0.5, seconds="1min", cluster=HOST)
ZEROS = np.zeros(2, np.int64)
COLUMNS = hal.JobColumns.from_shapes(np.zeros(1, np.int32), [JOB])

PATHS: dict[str, Callable[[object], object]] = {
    "Cluster.from_openb": hal.Cluster.from_openb,
    "Cluster.from_yaml": hal.Cluster.from_yaml,
    "Cluster.from_json": hal.Cluster.from_json,
    "Cluster.to_yaml": HOST.to_yaml,
    "Cluster.to_json": HOST.to_json,
    "JobColumns.from_openb": hal.JobColumns.from_openb,
    "read_jobs": lambda x: read_jobs(x, "yaml"),
    "read_swf": read_swf,
    "read_workload": read_workload,
    "openb.read_tasks": openb.read_tasks,
    "openb.read_orders": lambda x: openb.read_orders(x, 42, tasks=1, nodes=1),
    "openb.read_published": openb.read_published,
    "openb.Experiment": lambda x: openb.Experiment.load("default", x),
    "arrivals.openb": lambda x: arrivals.openb(x, cluster=HOST),
    "arrivals.swf": lambda x: arrivals.swf(x, cluster=HOST),
    "arrivals.philly": lambda x: arrivals.philly(x, cluster=HOST),
    "Store": Store,
    "QueueTree.from_yaml": hal.QueueTree.from_yaml,
    "QueueTree.to_yaml": hal.QueueTree([]).to_yaml,
    "topology.from_yaml": hal.topology.from_yaml,
    "topology.from_slurm": hal.topology.from_slurm,
}


@pytest.mark.parametrize("stranger", [3, b"x", ["x"], object, "a\0b"], ids=repr)
@pytest.mark.parametrize("door", PATHS)
def test_what_is_no_path_is_named(door: str, stranger: object) -> None:
    with pytest.raises(hal.InvalidModel, match=r"(path|source|log|folder) = .*must be the path of a file"):
        PATHS[door](stranger)


def arrays(**fields: object) -> hal.Cluster:
    return hal.Cluster.from_arrays(cpu_milli=ZEROS, memory_mib=ZEROS, **fields)


def poisson(**fields: object) -> object:
    return arrivals.poisson(**({"load": 0.5, "seconds": "1min", "cluster": HOST} | fields))


#: What each door is called with; the error names the part of the key after its last dot.
PARTS: dict[str, Callable[[object], object]] = {
    "place.apply": lambda x: hal.place(hal.Cluster(), JOB, apply=x),
    "explain.top": lambda x: hal.explain(HOST, JOB, top=x),
    "Placements.index": lambda x: hal.place(HOST, JOB)[x],
    "remove.evict": lambda x: HOST.remove("n", evict=x),
    "cordon.cordoned": lambda x: HOST.cordon("n", cordoned=x),
    "from_arrays.resources": lambda x: arrays(resources=x),
    "from_arrays.models": lambda x: arrays(models=x),
    "from_arrays.names": lambda x: arrays(names=x),
    "JobColumns.model_sets": lambda x: hal.JobColumns(cpu_milli=ZEROS, memory_mib=ZEROS, model_sets=x),
    "JobColumns.queue_names": lambda x: hal.JobColumns(
        cpu_milli=ZEROS, memory_mib=ZEROS, queue=np.zeros(2, np.int32), queue_names=x
    ),
    "take.rows": COLUMNS.take,
    "read_jobs.format": lambda x: read_jobs("jobs", x),
    "Policy.filter": lambda x: hal.Policy(["fgd"], filters=x),
    "Policy.name": lambda x: hal.Policy(["fgd"], name=x),
    "register.name": lambda x: hal.policies.register(x, list),
    "register.make": lambda x: hal.policies.register("of_a_test", x),
    "poisson.load": lambda x: poisson(load=x),
    "poisson.cluster": lambda x: poisson(cluster=x),
    "poisson.seed": lambda x: poisson(seed=x),
    "poisson.spread": lambda x: poisson(spread=x),
    "poisson.mix": lambda x: poisson(mix=x),
    "Mix.mix": arrivals.Mix,
    "simulate.controller": lambda x: simulate(HOST, WORK, controller=x),
    "simulate.contention": lambda x: simulate(HOST, WORK, contention=x),
    "simulate.sleep": lambda x: simulate(HOST, WORK, sleep=x),
    "simulate.power": lambda x: simulate(HOST, WORK, power=x),
    "simulate.failures": lambda x: simulate(HOST, WORK, failures=x),
    "simulate.weights": lambda x: simulate(HOST, WORK, weights=x),
    "Cell.load": lambda x: Cell(load=x),
    "Cell.seed": lambda x: Cell(seed=x),
    "Cell.step": lambda x: Cell(step=x),
    "Cell.seconds": lambda x: Cell(seconds=x),
}


@pytest.mark.parametrize("stranger", [3 - 5j, b"x", [None], ...], ids=repr)
@pytest.mark.parametrize("door", PARTS)
def test_what_is_no_part_is_named(door: str, stranger: object) -> None:
    with pytest.raises((hal.InvalidModel, hal.PolicyError), match=rf"\b{door.rpartition('.')[2]}"):
        PARTS[door](stranger)


def test_rows_that_are_not_there_are_named() -> None:
    with pytest.raises(hal.InvalidModel, match=r"rows\[1\] = 1: must be below 1"):
        COLUMNS.take(np.array([0, 1]))
    assert len(COLUMNS.take([])) == 0


@pytest.mark.parametrize("name", ["", " n", "n\0", "n\n", "a\x7fb", "x" * 513])
def test_names_in_columns_are_names_of_nodes(name: str) -> None:
    with pytest.raises(hal.InvalidModel):
        hal.Node(name)
    for fields in ({"names": ["ok", name]}, {"models": [name]}, {"resources": {name: ZEROS}}):
        with pytest.raises(hal.InvalidModel, match=r"\[\d\] = .*: give a name"):
            arrays(**fields)
    with pytest.raises(hal.InvalidModel, match=r"model_sets\[0\]\[0\] = .*: give a name"):
        hal.JobColumns(cpu_milli=ZEROS, memory_mib=ZEROS, model_sets=[[name]])


@pytest.mark.parametrize("row", ["a\0,8000,1024,0,", " ,8000,1024,0,", 'a,8000,1024,1,"T\n4"'])
def test_names_in_openb_files_are_names_of_nodes(row: str, tmp_path: Path) -> None:
    path = tmp_path / "nodes.csv"
    path.write_bytes(f"sn,cpu_milli,memory_mib,gpu,model\nfirst,8000,1024,0,\n{row}\n".encode())
    with pytest.raises(hal.InvalidModel, match=r"line [34]: (sn|model) = .*: give a name"):
        hal.Cluster.from_openb(path)
