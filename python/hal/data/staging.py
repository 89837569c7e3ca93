"""What to move where before which job starts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hal import _core
from hal._doors import listed, must_be
from hal.data import _units
from hal.data.content_map import ContentMap
from hal.errors import InvalidModel


@dataclass(frozen=True, kw_only=True)
class StagingJob:
    """A job that will start, and what it reads.

    Parameters
    ----------
    name : str
    cache : str
        The nearest cache to where it will run.
    start : float or str
        From now: seconds, or ``"2h"``; at most 35 years.
    inputs : sequence of str
        Names of datasets; one named twice is fetched once.
    weight : int
        What a second of its waiting is worth, 0 … 1,000,000.
    """

    name: str
    cache: str
    start: _units.Duration
    inputs: Sequence[str]
    weight: int = 1


@dataclass(frozen=True, eq=False)
class StagingPlan:
    """Moves and evictions, as columns, and what they change for each job.

    Moves come in the order in which they were chosen, evictions by time; where both are at one time the eviction is
    first.

    Attributes
    ----------
    dataset, source, target : (moves,) int32
        Dataset id, and indices of caches.
    begin, end : (moves,) int64, microseconds from now
    bytes : (moves,) int64
    cost : (moves,) int64, micro-units
    benefit : (moves,) int64
        Weighted microseconds, or micro-units net of the move's cost, when the move was chosen.
    evicted, evicted_from : (evictions,) int32
        Dataset id, and index of the cache.
    evicted_at : (evictions,) int64, microseconds from now
        As late as the moves allow: when the first one begins that needs the room.
    evicted_bytes : (evictions,) int64
    wait_before, wait_after : (jobs,) int64, microseconds
        Transfer time of the inputs, without and with the plan.
    cost_before, cost_after : (jobs,) int64, micro-units
        Transfer cost of the inputs, without and with the plan; the moves' own cost is apart.
    starts : (jobs,) int64, microseconds from now
    jobs : tuple of StagingJob
    content : ContentMap
    """

    dataset: NDArray[np.int32]
    source: NDArray[np.int32]
    target: NDArray[np.int32]
    begin: NDArray[np.int64]
    end: NDArray[np.int64]
    bytes: NDArray[np.int64]
    cost: NDArray[np.int64]
    benefit: NDArray[np.int64]
    evicted: NDArray[np.int32]
    evicted_from: NDArray[np.int32]
    evicted_at: NDArray[np.int64]
    evicted_bytes: NDArray[np.int64]
    wait_before: NDArray[np.int64]
    wait_after: NDArray[np.int64]
    cost_before: NDArray[np.int64]
    cost_after: NDArray[np.int64]
    starts: NDArray[np.int64]
    jobs: tuple[StagingJob, ...]
    content: ContentMap

    def __len__(self) -> int:
        return len(self.dataset)

    @property
    def saved_seconds(self) -> float:
        """Seconds that all jobs together wait less for their inputs, unweighted."""
        return float((self.wait_before - self.wait_after).sum()) / _units.MICRO

    @property
    def saved_money(self) -> float:
        """Currency units that the jobs pay less, minus what the moves cost."""
        return float((self.cost_before - self.cost_after).sum() - self.cost.sum()) / _units.MICRO

    def __str__(self) -> str:
        caches, lines = self.content.tree.names, []
        for i, at in enumerate(self.evicted_at.tolist()):
            what = self.content.name(int(self.evicted[i]))
            line = f"{at / _units.MICRO:10.1f} s                {what}: evicted from {caches[self.evicted_from[i]]}"
            lines.append((at, 0, line))
        for i, at in enumerate(self.begin.tolist()):
            when = f"{at / _units.MICRO:10.1f} s … {self.end[i] / _units.MICRO:10.1f} s"
            what = self.content.name(int(self.dataset[i]))
            lines.append((at, 1, f"{when}  {what}: {caches[self.source[i]]} → {caches[self.target[i]]}"))
        return "\n".join(line for *_, line in sorted(lines, key=lambda row: row[:2]))

    def plot(self, path: str | PathLike[str]) -> None:
        """Draw the plan as a timeline of the links (needs the extra ``plot``)."""
        from hal.data._draw import draw_plan

        draw_plan(self, path)


def plan_staging(
    content: ContentMap,
    jobs: Iterable[StagingJob],
    *,
    value: Literal["seconds", "money"] = "seconds",
    evict: bool = False,
    keep: Iterable[str] = (),
) -> StagingPlan:
    """Plan what to copy where before which jobs start, by benefit per byte.

    Again and again the move with the most benefit per byte is taken, as early as its links are free. Its target
    is the cache of a job or one above it, where it serves several; its source is the nearest holder, or a copy
    that the plan has made above the target. Ties go to the lower dataset id, then to the lower cache index.

    Parameters
    ----------
    content : ContentMap
        Read, not changed.
    jobs : iterable of StagingJob
    value : {"seconds", "money"}
        Seconds of waiting saved, times the jobs' weight; or money saved by the jobs, minus what the move costs.
    evict : bool
        Copies that none of the jobs reads may make room, never the last one: first what takes least to bring back from
        the nearest other holder, per byte, in seconds or in money as `value` says.
    keep : iterable of str
        Datasets that are not evicted although none of the jobs reads them: what running jobs read, for one.

    Returns
    -------
    StagingPlan

    Raises
    ------
    InvalidModel
        An unknown cache or dataset, a start or a weight out of range. The message names the job, or ``keep``.

    Notes
    -----
    The model: a copy needs room at its target and stays; a transfer occupies every link of its route, and
    a link carries one transfer at a time; what a job still lacks it fetches when it starts, one input after
    another, from the nearest source. A move only makes other moves later, so a heap of old benefits serves
    (lazy greedy, Minoux 1978): 10,000 jobs with three inputs each are planned in one or two seconds.
    """
    must_be(content, ContentMap, "content")
    rows = tuple(listed(jobs, StagingJob, "jobs"))
    if value not in ("seconds", "money"):
        raise InvalidModel(f"value is {value!r}: must be 'seconds' or 'money'")
    for job in rows:
        if isinstance(job.weight, bool) or not isinstance(job.weight, int) or not 0 <= job.weight <= 10**6:
            raise InvalidModel(
                f"job '{job.name}': weight is {job.weight!r}, must be a whole number 0 … 1000000"
            )
    starts = [_units.parse_micros(f"job '{job.name}': start", job.start) for job in rows]
    for job, start in zip(rows, starts, strict=True):
        if start > 2**50:
            raise InvalidModel(f"job '{job.name}': start is {job.start!r}, must be within 35 years")
    caches, inputs = [], []
    for job in rows:
        try:
            caches.append(content.tree.index(job.cache))
            inputs.append(content.ids(job.inputs))
        except InvalidModel as error:
            raise InvalidModel(f"job '{job.name}': {error}") from None
    try:
        kept = content.ids(list(keep))
    except InvalidModel as error:
        raise InvalidModel(f"keep: {error}") from None
    moves, evictions, wait_before, wait_after, cost_before, cost_after = _core.plan_staging(
        content._core,
        np.array(caches, np.int32),
        np.array(starts, np.int64),
        np.array([job.weight for job in rows], np.int64),
        np.cumsum([0, *map(len, inputs)], dtype=np.int64),
        np.concatenate([np.zeros(0, np.int32), *inputs]),
        value == "money",
        bool(evict),
        kept,
    )
    return StagingPlan(
        *moves,
        *evictions,
        wait_before=wait_before,
        wait_after=wait_after,
        cost_before=cost_before,
        cost_after=cost_after,
        starts=np.array(starts, np.int64),
        jobs=rows,
        content=content,
    )
