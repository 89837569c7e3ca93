"""What running jobs hold of their nodes. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from hal.adapters.contract import Dropped, Running
from hal.adapters.slurm.records import Gres, JobRecord, Share, hosts, job_name, parse_gres

import hal

__all__ = ["given", "holdings"]


def given(job: JobRecord) -> tuple[str, ...]:
    """Return the nodes that a job has, none where they cannot be read."""
    try:
        return hosts(job.given)
    except hal.HalError:
        return ()


def holdings(job: JobRecord, dropped: list[Dropped]) -> list[Running]:
    """Return what a job holds; nodes with equal parts together, under the job's name and ``name/1`` … after it."""
    groups: dict[tuple[int, int, tuple[Gres, ...]], list[tuple[str, tuple[int, ...] | None]]] = {}
    name = job_name(job)
    shares: Iterable[Share] = job.shares
    if not job.shares and job.given:  # no details: even parts
        nodes = hosts(job.given)
        shares = [Share(node, -(-job.cpus // len(nodes)), 0, "") for node in nodes]
    for share in shares:
        try:
            gres = parse_gres(share.gres)
        except hal.AdapterError as error:
            dropped.append(Dropped(f"job {name}", "gres_detail", str(error)))
            gres = []
        devices = [index for entry in gres if entry.name == "gpu" for index in entry.indices or ()]
        known = all(entry.indices is not None for entry in gres if entry.name == "gpu")
        key = tuple(Gres(entry.name, entry.type, entry.count) for entry in gres if entry.count)
        place = (share.node, tuple(devices) if known else None)
        groups.setdefault((share.cpus, share.memory, key), []).append(place)
    result: list[Running] = []
    for (cpus, memory, key), places in groups.items():
        gpus = sum(gres.count for gres in key if gres.name == "gpu")
        other = {f"gres/{gres.name}": gres.count for gres in key if gres.name != "gpu"}
        model = hal.Job(
            f"{name}/{len(result)}" if result else name,
            tasks=len(places),
            cpus=cpus,
            memory=memory,
            gpus=gpus,
            resources=other,
            exclusive=job.exclusive,
        )
        where = tuple(node for node, _ in places)
        result.append(Running(model, where, tuple(devices for _, devices in places)))
    return result
