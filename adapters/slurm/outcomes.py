"""What Slurm's record of a job means for a placement of it. Pure."""

from __future__ import annotations

import re
from typing import Final

from hal.adapters.contract import Applied, Outcome
from hal.adapters.slurm.convert import HOLDS
from hal.adapters.slurm.records import JobRecord, NodeRecord, hosts

import hal

__all__ = ["JOB", "became", "has_room", "ready"]

#: Names of jobs and tasks of arrays as scontrol takes them.
JOB: Final = re.compile(r"^\d+(_\d+)?$")
_HOST = re.compile(r"^[A-Za-z0-9][\w.-]{0,255}$")


def ready(placement: hal.Placement, job: JobRecord | None, known: set[str]) -> Applied | None:
    """Return an answer that needs no command, or None."""
    if not JOB.match(placement.job):
        return Applied(placement.job, Outcome.REFUSED, "is no job of Slurm")
    bad = [node for node in placement.nodes if not _HOST.match(node) or node not in known]
    if bad or not placement.nodes:
        return Applied(placement.job, Outcome.GONE, f"no node {', '.join(bad)}")
    if job is None:
        return Applied(placement.job, Outcome.GONE)
    if job.held:
        return None
    return became(placement, job)


def became(placement: hal.Placement, job: JobRecord | None, said: str | None = None) -> Applied:
    """Say what a job's record means for a placement that was sent (what scontrol said) or not (None)."""
    if job is None:
        return Applied(placement.job, Outcome.GONE)
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


def has_room(node: NodeRecord | None, job: JobRecord) -> bool:
    """Whether a job that waits for a node can hope for it: Slurm deals out the tasks of earlier ones its own way."""
    if node is None or node.closed:
        return False
    if job.reason != "Resources":
        return True
    memory = job.memory_node or job.memory_cpu * -(-job.cpus // job.nodes)
    return (
        node.cpus - node.used_cpus >= -(-job.cpus // job.nodes) and node.memory - node.used_memory >= memory
    )
