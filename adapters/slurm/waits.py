"""What a job waits for beside resources of nodes: other jobs and licences. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from hal.adapters.slurm.records import JobRecord

__all__ = ["Later", "Licences", "Others", "Unsaid"]

#: States from which a job does not come back.
ENDED: Final = frozenset(
    {
        "COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "PREEMPTED", "BOOT_FAIL", "DEADLINE",
        "OUT_OF_MEMORY", "REVOKED",
    }
)  # fmt: skip
_ONE = re.compile(
    r"^(?P<kind>after|afterany|afterok|afternotok):(?P<jobs>\d+(?:_(?:\d+|\*))?(?::\d+(?:_(?:\d+|\*))?)*)$"
)


class Unsaid(Exception):
    """Something of a job that the model cannot say, so that the job is left to Slurm."""

    def __init__(self, field: str, value: str) -> None:
        super().__init__(field, value)
        self.field, self.value = field, value


class Later(Unsaid):
    """What a job waits for and hal cannot give it; it is looked at once that is there."""


class Others:
    """The jobs that others may depend on.

    Slurm does not look at what a held job depends on, so that this does.

    Parameters
    ----------
    jobs : iterable of JobRecord
        Ended ones included, for as long as Slurm knows them.
    """

    def __init__(self, jobs: Iterable[JobRecord]) -> None:
        self._states: dict[str, list[str]] = defaultdict(list)
        for job in jobs:
            for name in {str(job.id), str(job.array_job or job.id), f"{job.array_job or job.id}_*"}:
                self._states[name].append(job.state)
            if job.array_job and job.array.isdigit():
                self._states[f"{job.array_job}_{job.array}"].append(job.state)

    def let(self, dependency: str) -> bool:
        """Return whether a job with this dependency may start.

        Raises
        ------
        Unsaid
            It is of another kind, or about a job that Slurm has forgotten.
        """
        if not dependency:
            return True
        either = "?" in dependency
        parts = [
            part.strip() for part in re.split(r"[,?]", re.sub(r"\([^)]*\)", "", dependency)) if part.strip()
        ]
        answers = [self._one(part, dependency) for part in parts]
        return any(answers) if either else all(answers)

    def _one(self, part: str, whole: str) -> bool:
        found = _ONE.match(part)
        if found is None:
            raise Unsaid("dependency", whole)
        states: list[str] = []
        for name in found["jobs"].split(":"):
            if name not in self._states:
                raise Unsaid("dependency", whole)
            states += self._states[name]
        match found["kind"]:
            case "after":
                return all(state != "PENDING" for state in states)
            case "afterany":
                return all(state in ENDED for state in states)
            case "afterok":
                return all(state == "COMPLETED" for state in states)
            case _:
                return all(state in ENDED and state != "COMPLETED" for state in states)


class Licences:
    """Free licences of the whole cluster, dealt out in the order of the queue.

    Parameters
    ----------
    free : mapping of str to int
    """

    def __init__(self, free: Mapping[str, int]) -> None:
        self._free = dict(free)

    def take(self, asked: str) -> bool:
        """Take what a job asks for, ``fluent:2,matlab``; False, and nothing is taken, when that is not there.

        Raises
        ------
        Unsaid
            A choice of several, or a licence that Slurm does not have.
        """
        wanted: dict[str, int] = defaultdict(int)
        for part in filter(None, re.split(r"[,;]", asked)):
            name, _, count = part.strip().partition(":")
            if "|" in part or name not in self._free or (count and not count.isdigit()):
                raise Unsaid("licenses", asked)
            wanted[name] += int(count or 1)
        if any(self._free[name] < count for name, count in wanted.items()):
            return False
        for name, count in wanted.items():
            self._free[name] -= count
        return True
