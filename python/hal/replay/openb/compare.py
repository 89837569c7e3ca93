"""Our runs beside the published ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from hal.errors import InvalidModel
from hal.replay.openb.experiment import Run
from hal.replay.openb.published import POLICIES, Published

__all__ = ["Check", "Margin", "check", "margins"]

#: Largest difference at any percent that counts as the same result: the files have two decimals.
EXACT: Final = 0.01
#: For the random policy, whose draws nobody can repeat: largest difference of the means over the seeds.
RANDOM: Final = 0.2
#: Percent of arrived demand at which policies are compared.
POINTS: Final = (100, 130)


@dataclass(frozen=True)
class Check:
    """Whether runs agree with the published ones.

    Attributes
    ----------
    trace : str
    seed : int or None
        None: the mean over the seeds.
    allocation, fragmentation : float
        Largest difference at any percent, in points.
    agrees : bool
    """

    trace: str
    seed: int | None
    allocation: float
    fragmentation: float
    agrees: bool


@dataclass(frozen=True)
class Margin:
    """Mean allocation of our policy minus a published one's, in points, at 100 % and 130 % arrived demand."""

    trace: str
    ours: tuple[float, float]
    published: tuple[float, float]

    @property
    def gain(self) -> tuple[float, float]:
        """Ours minus published."""
        return self.ours[0] - self.published[0], self.ours[1] - self.published[1]


def check(runs: Sequence[Run], published: Published) -> list[Check]:
    """Compare every run, or for the random policy the mean of each trace, with the published curves.

    Raises
    ------
    InvalidModel
        Nothing was published for a run.
    """
    out: list[Check] = []
    groups: dict[tuple[str, int | None], list[Run]] = {}
    for done in runs:
        groups.setdefault((done.trace, None if done.policy == "random" else done.seed), []).append(done)
    for (trace, seed), group in groups.items():
        keys = [(trace, done.policy, done.seed) for done in group]
        for key in keys:
            if key not in published.allocation:
                raise InvalidModel(_unpublished(key, published))
        allocation, fragmentation = (
            float(np.max(np.abs(np.mean(ours, axis=0) - np.mean(theirs, axis=0))))
            for ours, theirs in (
                ([done.allocation for done in group], [published.allocation[key] for key in keys]),
                ([done.fragmentation for done in group], [published.fragmentation[key] for key in keys]),
            )
        )
        limit = RANDOM if seed is None else EXACT
        # Both sides are decimals: a difference of exactly the limit is still within it.
        out.append(
            Check(trace, seed, allocation, fragmentation, max(allocation, fragmentation) <= limit + 1e-9)
        )
    return out


def _unpublished(key: tuple[str, str, int], published: Published) -> str:
    """Tell which part of a run was not published, and what was."""
    trace, policy, seed = key
    traces = sorted({known for known, _, _ in published.allocation})
    if trace not in traces:
        return f"trace = {trace!r}: no results were published; they were for {', '.join(traces)}"
    if policy not in POLICIES:
        return f"policy = {policy!r}: no results were published; they were for {', '.join(POLICIES)}"
    return f"seed = {seed}: no results were published; they were for the seeds 42 … 51"


def margins(runs: Sequence[Run], published: Published, *, against: str = "fgd") -> list[Margin]:
    """Compare the mean allocation of each trace with a published policy's mean over its ten seeds."""
    out: list[Margin] = []
    for trace in dict.fromkeys(done.trace for done in runs):
        ours = np.mean([done.allocation for done in runs if done.trace == trace], axis=0)
        theirs = published.mean(trace, against)
        low, high = POINTS
        out.append(
            Margin(trace, (float(ours[low]), float(ours[high])), (float(theirs[low]), float(theirs[high])))
        )
    return out
