"""What changed from one look at Slurm to the next. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from hal.adapters.contract import Delta, JobGone, JobQueued, JobStarted, NodeChanged, NodeGone
from hal.adapters.slurm.convert import Converted

__all__ = ["differences"]


def differences(before: Converted, after: Converted) -> Iterator[Delta]:
    """Yield what leads from one look to the next: ends first, so that what they held is free for the rest."""
    had = {running.job.name: running for running in before.running}
    has = {running.job.name: running for running in after.running}
    waited = {job.name: job for job in before.jobs}
    waits = {job.name: job for job in after.jobs}
    for name in (*had, *waited):
        if name not in has and name not in waits:
            yield JobGone(name)
    for name, job in waits.items():
        if waited.get(name) != job:
            yield JobQueued(job)
    nodes = {node.name: node for node in before.nodes}
    present = {node.name for node in after.nodes}
    for name in nodes:
        if name not in present:
            yield NodeGone(name)
    for node in after.nodes:
        if nodes.get(node.name) != node:
            yield NodeChanged(node)
    for name, running in has.items():
        if had.get(name) != running:
            yield JobStarted(running)
