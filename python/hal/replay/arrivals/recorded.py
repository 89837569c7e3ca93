"""Arrivals at the times of recorded logs."""

from __future__ import annotations

import csv
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hal._doors import must_be, path_of
from hal._show import show
from hal.cluster import Cluster
from hal.errors import InvalidModel
from hal.job_columns import JobColumns
from hal.replay.arrivals.arrivals import Arrivals
from hal.replay.csv_logs import read_philly
from hal.replay.openb.trace import read_tasks
from hal.replay.swf import read_swf
from hal.replay.workload import Workload
from hal.units import Quantity
from hal.units import seconds as to_seconds

__all__ = ["openb", "philly", "swf"]


def openb(
    path: str | PathLike[str],
    *,
    cluster: Cluster,
    load: float | None = None,
    seconds: Quantity | None = None,
    models: bool = False,
) -> Arrivals:
    """Tasks of an OpenB task list at their creation times, running until their deletion.

    Parameters
    ----------
    path : path-like
        ``openb_pod_list_*.csv``. Tasks that were never deleted, or before they were created, are left out.
    cluster : Cluster
        Whose capacity the load is a share of.
    load : float, optional
        Stretches durations by one factor so that this load is offered. Default: as recorded.
    seconds : str or float, optional
        Span that the recorded creation times are mapped to. Default: as recorded, 149 days.
    models : bool
        Keep the GPU models that tasks insist on.

    Raises
    ------
    InvalidModel
        The file cannot be read or has a wrong field, or ``load`` or ``seconds`` is out of range.
    """
    tasks = read_tasks(path)
    created, deleted = _times(Path(path))
    keep = np.flatnonzero((created >= 0) & (deleted > created))
    keep = keep[np.argsort(created[keep], kind="stable")]
    kept = JobColumns(
        cpu_milli=tasks.cpu,
        memory_mib=tasks.memory,
        gpus=tasks.gpus,
        gpu_milli=tasks.gpu_milli,
        gpu_models=tasks.gpu_models if models else None,
        model_sets=tasks.model_sets if models else ((),),
    ).take(keep)
    time = (created[keep] - created[keep].min(initial=0)).astype(np.float64)
    lasting = (deleted - created)[keep].astype(np.float64)
    return _scaled(Arrivals(time, lasting, kept, name=Path(path).stem), cluster, load, seconds)


def swf(
    log: str | PathLike[str] | Workload,
    *,
    cluster: Cluster,
    load: float | None = None,
    seconds: Quantity | None = None,
) -> Arrivals:
    """Jobs of an SWF log: each processor is a CPU.

    A job wider than the largest node becomes as few equal tasks as fit.

    Parameters
    ----------
    log : path-like or Workload
    cluster, load, seconds
        See `openb`.
    """
    work = log if isinstance(log, Workload) else Workload.from_swf(read_swf(path_of(log, "log")))
    columns = must_be(cluster, Cluster, "cluster").columns
    widest = int(columns.capacity_cpu[columns.present > 0].max(initial=0)) // 1000
    each, tasks = _split(work.procs, widest, "CPU")
    jobs = JobColumns(cpu_milli=1000 * each, memory_mib=np.zeros_like(each), tasks=tasks)
    return _scaled(_of(work, jobs), cluster, load, seconds)


def philly(
    log: str | PathLike[str] | Workload,
    *,
    cluster: Cluster,
    load: float | None = None,
    seconds: Quantity | None = None,
) -> Arrivals:
    """Jobs of the Philly log: whole GPUs, and each node's CPUs and memory in proportion to its GPUs.

    A job wider than the largest node becomes as few equal tasks as fit.

    Parameters
    ----------
    log : path-like or Workload
    cluster, load, seconds
        See `openb`.
    """
    work = log if isinstance(log, Workload) else read_philly(path_of(log, "log"))
    columns = must_be(cluster, Cluster, "cluster").columns
    here = columns.present > 0
    gpus = columns.gpu_count[here]
    each, tasks = _split(work.procs, int(gpus.max(initial=0)), "GPU")
    some = gpus > 0
    cpu = int((columns.capacity_cpu[here][some] // gpus[some]).min())
    memory = int((columns.capacity_memory[here][some] // gpus[some]).min())
    jobs = JobColumns(cpu_milli=cpu * each, memory_mib=memory * each, gpus=each, tasks=tasks)
    return _scaled(_of(work, jobs), cluster, load, seconds)


def _split(procs: NDArray[np.int32], widest: int, unit: str) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    if widest < 1:
        raise InvalidModel(f"cluster: no node has a whole {unit}, which the log's jobs ask for")
    wide = procs.astype(np.int64)
    tasks = -(-wide // widest)
    return -(-wide // tasks), tasks.astype(np.int32)


def _of(work: Workload, jobs: JobColumns) -> Arrivals:
    time = (work.submit - work.submit.min(initial=2**62)).astype(np.float64) if len(work) else np.zeros(0)
    return Arrivals(time, work.run.astype(np.float64), jobs, work.user, work.name)


def _scaled(arrivals: Arrivals, cluster: Cluster, load: float | None, seconds: Quantity | None) -> Arrivals:
    span = None if seconds is None else to_seconds(seconds, field="seconds")
    if load is None and span is None:
        return arrivals
    if not len(arrivals) or not arrivals.span > 0:
        raise InvalidModel(f"log: {show(arrivals.name)} has no two jobs at different times")
    wanted = arrivals.load(cluster) if load is None else load
    return arrivals.at_load(wanted, cluster, seconds=span)


def _times(path: Path) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    with path.open(newline="", encoding="utf-8") as text:
        rows = list(csv.DictReader(text))
    try:
        created = [int(row["creation_time"] or -1) for row in rows]
        deleted = [int(row["deletion_time"] or -1) for row in rows]
    except (KeyError, ValueError) as error:
        raise InvalidModel(f"{path}: creation_time, deletion_time: must be whole seconds ({error})") from None
    return np.array(created, np.int64), np.array(deleted, np.int64)
