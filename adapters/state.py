"""What adapters tell of their orchestrator: everything at one moment, and what changed since."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import hal
import hal.topology

__all__ = [
    "Delta",
    "Dropped",
    "JobGone",
    "JobQueued",
    "JobStarted",
    "NodeChanged",
    "NodeGone",
    "Running",
    "Snapshot",
    "book",
]


@dataclass(frozen=True)
class Dropped:
    """Something that the orchestrator says and the model cannot.

    Attributes
    ----------
    where : str
        The object, ``"job 17"``, ``"node c1"``.
    field : str
        Its field, in the orchestrator's spelling.
    value : str
        What it says, shortened.
    effect : {"ignored", "held", "waits", "unschedulable"}
        What was done about it: nothing, the job is left to the orchestrator, the job is looked at once that is there
        (it is no resource of nodes), or the node takes no jobs.
    """

    where: str
    field: str
    value: str
    effect: str = "ignored"

    @property
    def job(self) -> str:
        """The job that is not placed because of it; empty when there is none."""
        return self.where.removeprefix("job ") if self.effect in ("held", "waits") else ""

    def __str__(self) -> str:
        return f"{self.where}: {self.field} = {self.value} ({self.effect})"


@dataclass(frozen=True)
class Running:
    """A job that holds resources.

    Attributes
    ----------
    job : Job
    nodes : tuple of str
        Node of each task.
    gpus : tuple of (tuple of int) or None, optional
        Device indices of each task; None where the orchestrator does not say, when any that fit are taken.
    roles : tuple of str
        Of a gang, the name of each task's role, as `hal.Placement` has them.
    """

    job: hal.Job
    nodes: tuple[str, ...]
    gpus: tuple[tuple[int, ...] | None, ...] | None = None
    roles: tuple[str, ...] = ()


@dataclass(frozen=True)
class Snapshot:
    """Everything at one moment.

    Attributes
    ----------
    nodes : tuple of Node
        In the orchestrator's order.
    running : tuple of Running
    jobs : tuple of Job
        What waits and is hal's to place, in the order of the queue.
    version : str
        From where `Adapter.watch` goes on; opaque.
    topology : Topology, optional
    dropped : tuple of Dropped
    """

    nodes: tuple[hal.Node, ...]
    running: tuple[Running, ...]
    jobs: tuple[hal.Job, ...]
    version: str
    topology: hal.topology.Topology | None = None
    dropped: tuple[Dropped, ...] = ()

    @functools.cached_property
    def built(self) -> tuple[hal.Cluster, tuple[Dropped, ...]]:
        """The cluster with what runs on it, and what contradicts itself (more used than there is)."""
        cluster = hal.Cluster(self.nodes, topology=self.topology)
        lies: list[Dropped] = []
        for running in self.running:
            lies += book(cluster, running)
        return cluster, tuple(lies)

    @property
    def cluster(self) -> hal.Cluster:
        """The cluster with what runs on it; the same object each time."""
        return self.built[0]


def book(cluster: hal.Cluster, running: Running) -> list[Dropped]:
    """Enter a running job; where the orchestrator's figures contradict each other, close the nodes concerned.

    A node that is said to hold more than it has is not to be trusted with more: it is cordoned until its
    description changes.
    """
    try:
        cluster.bind(running.job, running.nodes, gpus=running.gpus, roles=running.roles)
    except hal.InvalidModel as error:
        for name in dict.fromkeys(running.nodes):
            if name in cluster:
                cluster.cordon(name)
        return [Dropped(f"job {running.job.name}", "placement", str(error), "unschedulable")]
    return []


# ---- changes ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class NodeChanged:
    """A node joined, or its description changed."""

    node: hal.Node


@dataclass(frozen=True)
class NodeGone:
    """A node left; what ran there is gone unless the orchestrator says so otherwise."""

    name: str


@dataclass(frozen=True)
class JobQueued:
    """A job waits: new, changed, or requeued."""

    job: hal.Job


@dataclass(frozen=True)
class JobStarted:
    """A job holds resources, whoever decided so."""

    running: Running


@dataclass(frozen=True)
class JobGone:
    """A job ended or was withdrawn."""

    name: str


#: A `Dropped` is news of something that the model cannot say.
Delta = NodeChanged | NodeGone | JobQueued | JobStarted | JobGone | Dropped
