"""The one contract of all adapters: read a cluster, follow it, carry out decisions, say why a job waits.

An adapter owns no policy and no state of its own beyond its connection. What its orchestrator says is translated by
a pure ``convert`` module; what cannot be said in hal's model is listed as `Dropped`, never left out in silence.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol, runtime_checkable

import hal
import hal.topology

__all__ = [
    "CONTRACT",
    "Adapter",
    "Applied",
    "Delta",
    "Dropped",
    "JobGone",
    "JobQueued",
    "JobStarted",
    "NodeChanged",
    "NodeGone",
    "Outcome",
    "Preempts",
    "Ranks",
    "Reserved",
    "Reserves",
    "Running",
    "Snapshot",
    "Stale",
    "Submitted",
]

#: Version of this contract, (major, minor): an adapter of the same major works.
CONTRACT: Final = (1, 0)


class Stale(hal.AdapterError):
    """The changes asked for are no longer kept (410 Gone, a restarted server): take a new snapshot."""


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


# ---- decisions -------------------------------------------------------------------------------------------


class Outcome(StrEnum):
    """What became of one placement."""

    #: Carried out now.
    APPLIED = "applied"
    #: It was so already: the same decision, sent twice.
    ALREADY = "already"
    #: Somebody else placed or changed the job first.
    CONFLICT = "conflict"
    #: The job or its node is not there any more.
    GONE = "gone"
    #: The orchestrator will not have it.
    REFUSED = "refused"
    #: No answer: it may have happened. The next look tells; sending it again is safe.
    UNKNOWN = "unknown"

    @property
    def holds(self) -> bool:
        """Whether the job is where it was put."""
        return self in (Outcome.APPLIED, Outcome.ALREADY)


@dataclass(frozen=True)
class Applied:
    """The answer for one placement."""

    job: str
    outcome: Outcome
    detail: str = ""


@runtime_checkable
class Adapter(Protocol):
    """What an adapter is. Its methods raise `hal.AdapterError` when the orchestrator cannot be reached at all."""

    #: The version of the contract that it was written for.
    contract: tuple[int, int]
    #: ``"slurm"``; in logs and metrics.
    name: str

    def snapshot(self) -> Snapshot:
        """Read everything."""
        ...

    def watch(self, version: str, *, timeout: float) -> Iterator[Delta]:
        """Yield what changed since a version, as it comes, for at most ``timeout`` seconds.

        The version that the next call goes on from is `version` afterwards. Deltas state what is, not what to add:
        hearing one twice does no harm.

        Raises
        ------
        Stale
            The changes are not kept any more.
        """
        ...

    @property
    def version(self) -> str:
        """Up to where `watch` has told everything."""
        ...

    def apply(self, placements: Sequence[hal.Placement]) -> list[Applied]:
        """Carry out decisions, each by itself; one answer a placement, in order, whatever happens.

        Sending a placement again changes nothing. A gang is started whole or not at all.
        """
        ...

    def explain(self, reasons: Mapping[str, str]) -> None:
        """Tell users why jobs wait, in the orchestrator's own way; job name → one line."""
        ...

    def close(self) -> None:
        """Let go of the connection; harmless when called twice."""
        ...


@runtime_checkable
class Preempts(Protocol):
    """What an adapter may offer beside: what runs can be stopped for jobs of higher priority."""

    #: Whether it is set to do that.
    preempts: bool

    def bounds(self, job: str) -> Sequence[Sequence[hal.Budget]]:
        """Return the budgets that plans for a job must keep, the strictest first; the first that help are taken.

        None at all: nobody is stopped for this job.
        """
        ...

    def preempt(self, plan: hal.Preemption) -> Applied:
        """Stop the victims of a plan, and start its job when they have left; nothing else takes their place.

        Until then the job neither waits nor runs. When any of the victims may not be stopped, it waits on.
        """
        ...


@runtime_checkable
class Ranks(Protocol):
    """What an adapter may offer beside: its orchestrator says where, and hal only in which order jobs start."""

    #: Whether it is set to do that: `rank` is called then, and `Adapter.apply` is not.
    ranks: bool

    def rank(self, jobs: Sequence[str]) -> None:
        """Have these jobs start in this order, the first first; saying it again changes nothing."""
        ...


@runtime_checkable
class Submitted(Protocol):
    """What an adapter may offer beside: its orchestrator says when jobs were submitted."""

    def submitted(self, job: str) -> float | None:
        """Seconds since 1970, of a job that waits or was just placed; None where that is not known."""
        ...


@dataclass(frozen=True)
class Reserved:
    """Nodes that a plan sets aside for a time.

    Attributes
    ----------
    name : str
        Unique in its plan.
    start, end : int
        Seconds since 1970; the end is not included.
    nodes : tuple of str
    maintenance : bool
        Nothing is to run there meanwhile.
    """

    name: str
    start: int
    end: int
    nodes: tuple[str, ...]
    maintenance: bool = False


@runtime_checkable
class Reserves(Protocol):
    """What an adapter may offer beside: its orchestrator has reservations."""

    def reserve(self, wanted: Sequence[Reserved], *, users: str = "") -> list[Applied]:
        """Make or change reservations, one answer each, in order; saying it again changes nothing."""
        ...


@dataclass
class Reasons:
    """Remembers what was said about each job, so that nothing is said twice, and no more than ``most`` at once."""

    said: dict[str, str] = field(default_factory=dict)
    most: int = 500

    def news(self, reasons: Mapping[str, str]) -> dict[str, str]:
        """Return what is new, the first of it, and forget jobs that are not mentioned."""
        new = ((job, text) for job, text in reasons.items() if self.said.get(job) != text)
        fresh = dict(itertools.islice(new, self.most))
        self.said = {job: text for job, text in reasons.items() if job in fresh or self.said.get(job) == text}
        return fresh
