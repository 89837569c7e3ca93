"""Pins that lead nowhere: which they are, and the commands that take them back. Pure."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hal.adapters.slurm.asking import Capacity, has_room, shape_on
from hal.adapters.slurm.hetjobs import components, pinned, unpin
from hal.adapters.slurm.records import JobRecord, NodeRecord, hosts, job_name
from hal.adapters.slurm.waits import Unsaid

__all__ = ["TakenBack", "hopes", "take_back"]


@dataclass(frozen=True)
class TakenBack:
    """What `take_back` found.

    Attributes
    ----------
    jobs : list of JobRecord
        As Slurm's will be once the pins are off.
    commands : list of str
        What takes them off.
    refused : list of JobRecord
        Pins that Slurm will not have.
    """

    jobs: list[JobRecord]
    commands: list[str]
    refused: list[JobRecord]


def take_back(
    jobs: Sequence[JobRecord], nodes: Mapping[str, NodeRecord], claims: Callable[[JobRecord], bool]
) -> TakenBack:
    """Find the pins that lead nowhere: Slurm refused them, or their nodes closed or were filled meanwhile."""
    found = TakenBack(list(jobs), [], [])
    for row, job in enumerate(jobs):
        if job.state != "PENDING" or not job.required or job.het or not claims(job):
            continue
        if job.reason == "BadConstraints":
            found.refused.append(job)
        elif job.held or hopes(job, nodes):
            continue
        name = job_name(job)
        found.commands.extend([f"hold {name}", f"update JobId={name} ReqNodeList="])
        found.jobs[row] = _waiting(job)
    rows = {job.id: row for row, job in enumerate(jobs) if job.het}
    for parts in components([job for job in jobs if job.state == "PENDING" and claims(job)]).values():
        if not pinned(parts):
            continue
        refused = [part for part in parts if part.reason == "BadConstraints"]
        found.refused.extend(refused)
        whole = all(len(hosts(part.required)) == part.nodes for part in parts)  # a new node may be among them
        if not refused and not parts[0].held and whole and all(hopes(part, nodes) for part in parts):
            continue
        found.commands.extend(unpin(parts))
        for part in parts:
            found.jobs[rows[part.id]] = _waiting(part)
    return found


def hopes(job: JobRecord, nodes: Mapping[str, NodeRecord]) -> bool:
    """Whether a job can hope for its nodes: Slurm deals out the tasks of earlier ones its own way."""
    where = hosts(job.required)
    there = [node for name in where if (node := nodes.get(name)) is not None and not node.closed]
    if len(there) < len(where):
        return False
    if job.reason != "Resources":
        return True
    try:
        shape = shape_on(job, where, Counter(map(Capacity.of, there)))
    except Unsaid:  # its user or an operator pinned it
        return True
    return has_room(shape, where, {node.name: Capacity.idle(node) for node in there})


def _waiting(job: JobRecord) -> JobRecord:
    """Return a record as it is once its pin is off."""
    return dataclasses.replace(job, required="", admin_comment="", priority=0, reason="JobHeldAdmin")
