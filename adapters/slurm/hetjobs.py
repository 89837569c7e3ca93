"""Heterogeneous jobs: several components that start together, as one gang with a role each. Pure.

The first component cannot be given a list of nodes, but all others may be excluded; that reaches every component, so
that the lists of the others come after it. Slurm gives no node to two components of one job. What users excluded
themselves is kept in the administrator's comment for as long as the pins hold, and given back when they are taken off.
"""

from __future__ import annotations

import dataclasses
import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from hal.adapters.slurm.outcomes import nodes_by_part
from hal.adapters.slurm.records import JobRecord, hosts
from hal.adapters.slurm.waits import Unsaid

import hal

__all__ = ["components", "gang", "pin", "pinned", "settled", "unpin"]

#: Roles of a gang.
MOST: Final = 32
_MARK: Final = re.compile(r"hal pinned, excluding (\([^()]*\)(?: \([^()]*\))*)")


def components(jobs: Sequence[JobRecord]) -> dict[int, list[JobRecord]]:
    """Return the components of each heterogeneous job, in their order, by the number of the first."""
    found: dict[int, list[JobRecord]] = defaultdict(list)
    for job in jobs:
        if job.het:
            found[job.het].append(job)
    return {leader: sorted(parts, key=lambda part: part.het_offset) for leader, parts in found.items()}


def settled(jobs: Sequence[JobRecord], nodes: Sequence[str]) -> list[JobRecord]:
    """Return the records as if Slurm took a list of nodes for each component: pins in ``required``, as elsewhere."""
    changed: dict[int, JobRecord] = {}
    for parts in components([job for job in jobs if job.state == "PENDING"]).values():
        marked = _MARK.search(parts[0].admin_comment)
        users = [] if marked is None else [each.strip("()") for each in marked[1].split(" ")]
        if len(users) != len(parts):
            continue
        leader = parts[0]
        left = set(hosts(leader.excluded))
        pin = ",".join(node for node in nodes if node not in left)
        for part, excluded in zip(parts, users, strict=True):
            required = pin if part is leader else part.required
            changed[part.id] = dataclasses.replace(part, excluded=excluded, required=required)
    return [changed.get(job.id, job) for job in jobs]


def gang(parts: Sequence[hal.Job], name: str) -> hal.Job:
    """Return the job that components make: each task on a node of its own, as Slurm has it.

    Components that ask for the same are one role, ``8+9``; the first is one by itself.

    Raises
    ------
    Unsaid
        More of them differ than a gang has roles for.
    """
    label = {"slurm/job": name}
    leader, *others = parts
    roles: dict[str, hal.Job] = {}
    for other in others:
        plain = dataclasses.replace(other, labels={}, rules=())
        alike = next((role for role, job in roles.items() if _same(job, plain)), "")
        if alike:
            job = roles.pop(alike)
            both = f"{alike}+{plain.name}"
            roles[both] = dataclasses.replace(job, name=both, tasks=job.tasks + plain.tasks)
        else:
            roles[plain.name] = plain
    if len(roles) >= MOST:
        raise Unsaid("het_job_id", f"{len(roles) + 1} different components, of more than {MOST}")
    return dataclasses.replace(
        leader,
        gang=hal.Gang(roles=list(roles.values())) if roles else None,
        labels=label,
        rules=[hal.AntiAffinity(label)],
        exclusive=any(part.exclusive for part in parts),
    )


def _same(one: hal.Job, other: hal.Job) -> bool:
    return one == dataclasses.replace(other, name=one.name, tasks=one.tasks)


def pinned(parts: Sequence[JobRecord]) -> bool:
    """Whether the pins of a job are on."""
    return _MARK.search(parts[0].admin_comment) is not None


def pin(parts: Sequence[JobRecord], placement: hal.Placement, nodes: Sequence[str]) -> list[str]:
    """Return the commands that pin and release the components that a placement is of, on a cluster of these nodes."""
    where = nodes_by_part(parts, placement) or []
    leader, *others = parts
    mark = "hal pinned, excluding " + " ".join(f"({part.excluded})" for part in parts)
    rest = ",".join(node for node in nodes if node not in where[0])
    lines = [f'update JobId={leader.id} ExcNodeList={rest} AdminComment="{mark}"']
    lines += [
        f"update JobId={other.id} ExcNodeList={other.excluded} ReqNodeList={','.join(there)}"
        for other, there in zip(others, where[1:], strict=True)
    ]
    return [*lines, f"release {leader.id}"]


def unpin(parts: Sequence[JobRecord]) -> list[str]:
    """Return the commands that hold a job and give it back what its user excluded."""
    leader, *others = parts
    lines = [f"hold {leader.id}", f'update JobId={leader.id} ExcNodeList={leader.excluded} AdminComment=""']
    return lines + [f"update JobId={o.id} ExcNodeList={o.excluded} ReqNodeList=" for o in others]
