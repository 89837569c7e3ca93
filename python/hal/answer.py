"""What ``hal.place`` answers for one job: where it goes, or why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from hal._show import counted
from hal.missing import Missing

__all__ = ["Explanation", "Placement", "Status"]


class Status(IntEnum):
    """The answer for one job."""

    #: It has nodes, and GPUs if it asked for them.
    PLACED = 0
    #: It does not fit now; it would on an empty cluster.
    UNSCHEDULABLE = 1
    #: It would not fit even if nothing ran.
    INFEASIBLE = 2


@dataclass(frozen=True, slots=True)
class Placement:
    """One job's answer.

    Attributes
    ----------
    job : str
        Its name; ``#<row>`` for a job that came as a column.
    status : Status
    nodes : tuple of str
        Node of each task; empty when not placed.
    gpus : tuple of tuple of int
        Device indices of each task on its node.
    scores : tuple of float
        Score of each task's node when it was chosen, higher is better.
    slices : tuple of int
        First memory slice of each task's GPU instance; empty without ``gpu_profile``.
    roles : tuple of str
        Name of the role of each task of a job with a ``gang``; empty for other jobs.
    """

    job: str
    status: Status
    nodes: tuple[str, ...]
    gpus: tuple[tuple[int, ...], ...]
    scores: tuple[float, ...]
    slices: tuple[int, ...] = ()
    roles: tuple[str, ...] = ()

    @property
    def placed(self) -> bool:
        """Whether the job has a place."""
        return self.status is Status.PLACED


@dataclass(frozen=True)
class Explanation:
    """Why a job went where it did, or nowhere: the state as its turn came.

    Attributes
    ----------
    job : str
    status : Status
    nodes : int
        Nodes looked at.
    feasible : int
        Nodes on which one task fits.
    reasons : mapping of str to int
        Reason → how many nodes it rejected; every rejected node counts once.
    top : tuple of (node, score, {scorer: score})
        The best nodes, best first, with the parts of their scores.
    missing : str
        What would be needed, in one line; empty when placed.
    change : Missing or None
        The same as data.
    preemption : str
        Which running jobs of lower priority would have to stop, or why that does not help; empty when placed, or
        when none runs.
    victims : tuple of str
        Those jobs, `preemption` as data.
    note : str
        What to know of the scores in `top`: of which moment they are, when that is not the decision's.
    """

    job: str
    status: Status
    nodes: int
    feasible: int
    reasons: Mapping[str, int]
    top: tuple[tuple[str, float, Mapping[str, float]], ...]
    missing: str
    change: Missing | None = None
    preemption: str = ""
    victims: tuple[str, ...] = ()
    note: str = ""

    def __str__(self) -> str:
        lines = [f"{self.job}: {self.status.name}, fits on {self.feasible} of {counted(self.nodes, 'node')}"]
        lines += [
            f"  {count} × {reason}" for reason, count in sorted(self.reasons.items(), key=lambda r: -r[1])
        ]
        for node, total, parts in self.top:
            shown = ", ".join(f"{name} {score:.4g}" for name, score in parts.items())
            lines.append(f"  {node}: {total:.4g} ({shown})")
        if self.note:
            lines.append(f"  note: {self.note}")
        if self.missing:
            lines.append(f"  missing: {self.missing}")
        if self.preemption:
            lines.append(f"  preemption: {self.preemption}")
        return "\n".join(lines)
