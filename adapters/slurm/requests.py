"""A waiting job in hal's model. Pure."""

from __future__ import annotations

from hal.adapters.contract import Running
from hal.adapters.slurm.asking import Shape, dealt, shape_of, shape_on
from hal.adapters.slurm.records import JobRecord, hosts
from hal.adapters.slurm.room import Room
from hal.adapters.slurm.waits import Unsaid

import hal

__all__ = ["component_of", "model_of", "on_its_way"]


def model_of(job: JobRecord, name: str, room: Room, refused: frozenset[str]) -> hal.Job:
    """Return a job, or a task of an array under its name.

    Raises
    ------
    Unsaid
        The model cannot say it.
    """
    selector, kinds = room.of(job, refused)
    return _job(job, name, shape_of(job, kinds), selector)


def component_of(job: JobRecord, name: str, room: Room, refused: frozenset[str]) -> hal.Job:
    """Return a component of a heterogeneous job, each part on a node of its own."""
    selector, kinds = room.of(job, refused)
    shape = shape_of(job, kinds)
    if shape.count != job.fewest or not shape.apart:
        raise Unsaid("num_nodes", f"{job.fewest}, and needs more: say -N of component {job.het_offset}")
    return _job(job, name, shape, selector)


def on_its_way(job: JobRecord, name: str, room: Room) -> Running:
    """Return what a job that is pinned and released is going to hold."""
    where = hosts(job.required)
    selector, kinds = room.of(job, frozenset())
    shape = shape_on(job, where, kinds)
    return Running(_job(job, name, shape, selector), where if shape.apart else dealt(shape, where, room.idle))


def _job(job: JobRecord, name: str, shape: Shape, selector: list[hal.Selector]) -> hal.Job:
    part = shape.part
    kinds = [kind for (name_, kind) in part.gres if name_ == "gpu" and kind]
    apart = {"slurm/job": name} if shape.apart and shape.count > 1 else {}
    return hal.Job(
        name,
        tasks=shape.count,
        cpus=part.cpus,
        memory=part.memory,
        gpus=part.gpus,
        gpu_models=kinds,
        resources={f"gres/{name_}": count for (name_, _), count in part.gres.items() if name_ != "gpu"},
        selector=selector,
        labels=apart,
        rules=[hal.AntiAffinity(apart)] if apart else (),  # a node of its own for each
        exclusive=job.exclusive,
    )
