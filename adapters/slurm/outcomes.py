"""What Slurm's record of a job means for a placement of it. Pure."""

from __future__ import annotations

import dataclasses
import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from hal.adapters.contract import Applied, Outcome
from hal.adapters.slurm.records import HOLDS, JobRecord, hosts

import hal

__all__ = ["JOB", "became", "limited", "nodes_by_part", "ready"]

#: Names of jobs and tasks of arrays as scontrol takes them.
JOB: Final = re.compile(r"^\d+(_\d+)?$")
#: What a job waits for that has nothing to do with nodes: limits of partitions, accounts and arrays, licences, times.
_LIMITS: Final = re.compile(
    r"^(Assoc|QOS|Partition(Down|Inactive|NodeLimit|TimeLimit)|Invalid(Account|QOS)|AccountNotAllowed|MaxMem"
    r"|JobArrayTaskLimit|Licenses|Dependency|BeginTime|DeadLine|Reservation|BurstBuffer)"
)
_HOST = re.compile(r"^[A-Za-z0-9][\w.-]{0,255}$")


def ready(placement: hal.Placement, parts: Sequence[JobRecord], known: set[str]) -> Applied | None:
    """Return an answer that needs no command, or None."""
    if not JOB.match(placement.job):
        return Applied(placement.job, Outcome.REFUSED, "is no job of Slurm")
    bad = [node for node in placement.nodes if not _HOST.match(node) or node not in known]
    if bad or not placement.nodes:
        return Applied(placement.job, Outcome.GONE, f"no node {', '.join(bad)}")
    if not parts:
        return Applied(placement.job, Outcome.GONE)
    if not parts[0].held:
        return became(placement, parts)
    if nodes_by_part(parts, placement) is None:
        return Applied(placement.job, Outcome.CONFLICT, "has other components now")
    return None


def nodes_by_part(parts: Sequence[JobRecord], placement: hal.Placement) -> list[tuple[str, ...]] | None:
    """Return the nodes of each component of a job, most often of its one; None when the placement is not of these."""
    if not placement.roles:
        return [placement.nodes] if len(parts) == 1 else None
    given: dict[str, list[str]] = defaultdict(list)
    for node, role in zip(placement.nodes, placement.roles, strict=True):
        given[role].append(node)
    found: dict[str, tuple[str, ...]] = {}
    counts = {str(part.id): part.fewest for part in parts}
    for role, nodes in given.items():
        names = role.split("+")  # components that ask for the same are one role
        if set(names) - set(counts):
            return None
        at = 0
        for name in names:
            count = counts[name] if len(names) > 1 else len(nodes)
            found[name] = tuple(nodes[at : at + count])
            at += count
        if at != len(nodes):
            return None
    return [found[name] for name in counts] if len(found) == len(counts) else None


def became(placement: hal.Placement, parts: Sequence[JobRecord], said: str | None = None) -> Applied:
    """Say what a job's records mean for a placement that was sent (what scontrol said) or not (None)."""
    if not parts:
        return Applied(placement.job, Outcome.GONE)
    where = nodes_by_part(parts, placement)
    if where is None:
        return Applied(placement.job, Outcome.CONFLICT, "has other components now")
    answers = [
        _one(dataclasses.replace(placement, nodes=nodes), part, said)
        for nodes, part in zip(where, parts, strict=True)
    ]
    return next((answer for answer in answers if not answer.outcome.holds), answers[0])


def _one(placement: hal.Placement, job: JobRecord, said: str | None) -> Applied:
    nodes = sorted(set(placement.nodes))
    if job.state == "PENDING":
        if job.held:
            return Applied(
                placement.job, Outcome.REFUSED, f"{job.reason} {(said or '').strip()[-200:]}".strip()
            )
        same = sorted(hosts(job.required)) == nodes
        detail = job.reason
    else:
        same = sorted(hosts(job.given)) == nodes
        detail = job.state
        if not same and job.state not in HOLDS:
            return Applied(placement.job, Outcome.GONE, detail)
    if not same:
        return Applied(
            placement.job, Outcome.CONFLICT, f"{detail} on {job.given or job.required or 'any node'}"
        )
    return Applied(placement.job, Outcome.ALREADY if said is None else Outcome.APPLIED, detail)


def limited(job: JobRecord) -> bool:
    """Whether Slurm keeps a job that was pinned and released from its nodes, which others may have meanwhile.

    It stays pinned, and Slurm says why it waits. Once it may start where there is no room any more, it is taken back.
    """
    return _LIMITS.match(job.reason) is not None
