"""Reservations of parts of nodes: what they hold now and nobody of theirs uses yet. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from hal.adapters.contract import Running
from hal.adapters.slurm.records import (
    HOLDS,
    JobRecord,
    NodeRecord,
    Reservation,
    hosts,
    memory_of,
    parse_gres,
)

import hal

__all__ = ["held_parts"]


def held_parts(
    reservations: Sequence[Reservation], nodes: Sequence[NodeRecord], jobs: Sequence[JobRecord], now: int
) -> dict[str, list[Running]]:
    """Return by name, for the reservations of parts of nodes that have begun, what they hold beside their jobs.

    Slurm tells the sum over a reservation's nodes alone. On several of them each may hold all but one CPU for each of
    the others, and that is what is kept free.
    """
    by_name = {node.name: node for node in nodes}
    found: dict[str, list[Running]] = {}
    for one in reservations:
        try:
            where = [by_name[name] for name in hosts(one.nodes) if name in by_name]
        except hal.HalError:  # said of each job that it concerns
            continue
        asked = _amounts(one.tres)
        partial = 0 < asked["cpu"] < sum(node.cpus for node in where) or (asked and not asked["cpu"])
        if not partial or not one.start <= now < one.end:
            continue
        used = _used(job for job in jobs if job.state in HOLDS and one.name in job.reservation.split(","))
        found[one.name] = [
            held
            for node in where
            if (held := _held(one.name, node, asked, used.get(node.name, Counter()), len(where) - 1))
            is not None
        ]
    return found


def _amounts(tres: str) -> Counter[str]:
    """Return what ``cpu=4,mem=2G,gres/gpu:a100=2`` says; of a GRES with its types, the sum."""
    amounts: Counter[str] = Counter()
    for part in tres.split(","):
        key, _, value = part.partition("=")
        if key == "cpu" and value.isdigit():
            amounts["cpu"] = int(value)
        elif (named := re.fullmatch(r"gres/(\w+)(:\w+)?", key)) and value.isdigit():
            amounts[named[1]] = max(amounts[named[1]], int(value))
    amounts["mem"] = memory_of(tres)
    return +amounts


def _used(jobs: Iterable[JobRecord]) -> Mapping[str, Counter[str]]:
    used: dict[str, Counter[str]] = {}
    for share in (share for job in jobs for share in job.shares):
        on = used.setdefault(share.node, Counter())
        on.update(cpu=share.cpus, mem=share.memory)
        on.update(_counted(share.gres))
    return used


def _counted(gres: str) -> Counter[str]:
    counts: Counter[str] = Counter()
    try:
        for entry in parse_gres(gres):
            counts[entry.name] += entry.count
    except hal.AdapterError:  # listed where the node or the job is read
        return Counter()
    return counts


def _held(
    name: str, node: NodeRecord, asked: Counter[str], used: Counter[str], others: int
) -> Running | None:
    has = Counter(cpu=node.cpus, mem=node.memory) + _counted(node.gres)
    busy = Counter(cpu=node.used_cpus, mem=node.used_memory) + _counted(node.used_gres)
    held = {
        key: max(min(amount - (others if key == "cpu" else 0) - used[key], has[key] - busy[key]), 0)
        for key, amount in asked.items()
    }
    if not any(held.values()):
        return None
    gres = {key: amount for key, amount in held.items() if key not in ("cpu", "mem", "gpu") and amount}
    job = hal.Job(
        f"reservation {name} on {node.name}",
        cpus=held.get("cpu", 0),
        memory=held.get("mem", 0),
        gpus=held.get("gpu", 0),
        resources={f"gres/{key}": amount for key, amount in gres.items()},
    )
    return Running(job, (node.name,), (_idle(node, held.get("gpu", 0)),))


def _idle(node: NodeRecord, count: int) -> tuple[int, ...] | None:
    """Return the last idle GPUs, so that jobs which begin on the first ones find them free; None where not told."""
    try:
        used = [entry for entry in parse_gres(node.used_gres) if entry.name == "gpu"]
    except hal.AdapterError:
        return None
    if any(entry.indices is None and entry.count for entry in used):
        return None
    busy = {index for entry in used for index in entry.indices or ()}
    every = min(_counted(node.gres)["gpu"], 64)
    return (
        tuple(index for index in range(every) if index not in busy)[max(every - len(busy) - count, 0) :]
        if count
        else ()
    )
