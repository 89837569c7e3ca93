"""The one contract of all adapters: read a cluster, follow it, carry out decisions, say why a job waits.

An adapter owns no policy and no state of its own beyond its connection. What its orchestrator says is translated by
a pure ``convert`` module; what cannot be said in hal's model is listed as `Dropped`, never left out in silence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol, runtime_checkable

from hal.adapters.state import (
    Delta,
    Dropped,
    JobGone,
    JobQueued,
    JobStarted,
    NodeChanged,
    NodeGone,
    Running,
    Snapshot,
    book,
)

import hal

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
    "Words",
    "book",
]

#: Version of this contract, (major, minor): an adapter of the same major works.
CONTRACT: Final = (1, 0)


class Stale(hal.AdapterError):
    """The changes asked for are no longer kept (410 Gone, a restarted server): take a new snapshot."""


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


@runtime_checkable
class Words(Protocol):
    """What an adapter may offer beside: it knows what asked for something that no node has, such as a volume."""

    def worded(self, job: str, reason: str) -> str:
        """Return a reason why a job waits in its orchestrator's terms; as it is, where there are no better ones."""
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
