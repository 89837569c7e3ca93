"""Pins of jobs to nodes, and which of them lead nowhere and are taken back. Pure.

A pin is marked in the administrator's comment, with the list of nodes that the user had asked for and gets back: pins
without the mark are somebody else's, and stay. Heterogeneous jobs have marks of their own.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hal.adapters.slurm.asking import Capacity, has_room, shape_on
from hal.adapters.slurm.hetjobs import components, pinned, unpin
from hal.adapters.slurm.records import JobRecord, NodeRecord, hosts, job_name
from hal.adapters.slurm.waits import Unsaid

__all__ = ["TakenBack", "hopes", "pin_job", "take_back"]

_MARK: Final = re.compile(r"hal pinned, requiring \(([^()]*)\)")


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


def pin_job(job: JobRecord, name: str, nodes: Sequence[str]) -> list[str]:
    """Return the commands that pin a job, or a task of an array under its name, and release it."""
    where, mark = ",".join(dict.fromkeys(nodes)), f"hal pinned, requiring ({_users(job)})"
    return [f'update JobId={name} ReqNodeList={where} AdminComment="{mark}"', f"release {name}"]


def take_back(
    jobs: Sequence[JobRecord], nodes: Mapping[str, NodeRecord], claims: Callable[[JobRecord], bool]
) -> TakenBack:
    """Find the pins that lead nowhere: Slurm refused them, or their nodes closed or were filled meanwhile."""
    found = TakenBack(list(jobs), [], [])
    for row, job in enumerate(jobs):
        if job.state != "PENDING" or job.het or not claims(job) or not _MARK.search(job.admin_comment):
            continue
        if job.reason == "BadConstraints":
            found.refused.append(job)
        elif job.held:  # not released yet: what was begun is done anew
            found.jobs[row] = dataclasses.replace(job, required=_users(job))
            continue
        elif hopes(job, nodes):
            continue
        name, users = job_name(job), _users(job)
        found.commands.extend([f"hold {name}", f'update JobId={name} ReqNodeList={users} AdminComment=""'])
        found.jobs[row] = _waiting(job, users)
    rows = {job.id: row for row, job in enumerate(jobs) if job.het}
    for parts in components([job for job in jobs if job.state == "PENDING" and claims(job)]).values():
        if not pinned(parts):
            continue
        refused = [part for part in parts if part.reason == "BadConstraints"]
        found.refused.extend(refused)
        whole = all(
            len(hosts(part.required)) == part.fewest for part in parts
        )  # a new node may be among them
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


def _users(job: JobRecord) -> str:
    """Return the nodes that its user asked for."""
    marked = _MARK.search(job.admin_comment)
    return job.required if marked is None else marked[1]


def _waiting(job: JobRecord, required: str = "") -> JobRecord:
    """Return a record as it is once its pin is off."""
    return dataclasses.replace(job, required=required, admin_comment="", priority=0, reason="JobHeldAdmin")
