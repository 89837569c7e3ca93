"""Tasks of arrays: a pending array shows its parent alone. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

from hal.adapters.slurm.records import HOLDS, JobRecord
from hal.adapters.slurm.waits import Unsaid

__all__ = ["ARRAY", "begun", "tasks_of"]

#: Most tasks of a pending array that are looked at one by one.
ARRAY: Final = 10_000


def begun(jobs: Iterable[JobRecord]) -> Counter[int]:
    """Return how many tasks of each array run, or were pinned and released to."""
    return Counter(
        job.array_job
        for job in jobs
        if job.array.isdigit()
        and (job.state in HOLDS or (job.state == "PENDING" and not job.held and job.required))
    )


def tasks_of(array: str, begun: int) -> tuple[list[int], int]:
    """Return the tasks to look at of ``0-15:4%2``, and how many wait in all.

    They are those that may begin beside the ``begun`` ones of the array.

    Raises
    ------
    Unsaid
        It is written otherwise.
    """
    written, _, most = array.partition("%")
    tasks: list[int] = []
    for part in written.split(","):
        found = re.fullmatch(r"(\d+)(?:-(\d+)(?::(\d+))?)?", part.strip())
        if found is None:
            raise Unsaid("array", array)
        first, last, step = int(found[1]), int(found[2] or found[1]), int(found[3] or 1)
        if step < 1 or (last - first) // step > 4_000_000:
            raise Unsaid("array", array)
        tasks += range(first, last + 1, step)
    at_once = max(0, int(most) - begun) if most.isdigit() and int(most) else ARRAY
    return tasks[: min(ARRAY, at_once)], len(tasks)
