"""What a decision may cost, counted in lines of Python that run, so that no clock decides."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

from hal.cluster import Cluster
from hal.errors import PolicyError
from hal.testing.case import Case
from hal.testing.checks.registry import Broken, check
from hal.testing.strategies import renamed
from hal.testing.subject import Subject

#: Nodes of the cluster on which the cost is counted: enough to tell n from n squared.
NODES = 64
#: Lines a decision may run, and lines more for each node of the cluster. A loop over nodes runs a handful a node.
BASE, PER_NODE = 3000, 100


@check(
    "A policy sits in the scheduler's inner loop; what grows faster than the cluster stops it.",
    may_opt_out=True,
)
def bounded_cost(subject: Subject, case: Case) -> None:
    """One decision on n nodes runs at most 3000 + 100 n lines of Python."""
    kinds = case.nodes
    cluster = Cluster(renamed(kinds[at % len(kinds)], f"c{at}") for at in range(NODES))
    limit = BASE + PER_NODE * NODES
    single = [job for job in case.jobs if job.tasks == 1 and job.gang is None][:1]
    if not single:
        return
    subject = subject.fresh()
    counter = _Counter(limit)
    before = sys.gettrace()
    sys.settrace(counter.enter)
    try:
        subject.place(cluster, single, seed=1)
    except (_TooMuch, PolicyError):
        pass
    finally:
        sys.settrace(before)
    if counter.lines > limit:
        raise Broken(f"one decision on {NODES} nodes ran more than {limit} lines of Python")


class _TooMuch(BaseException):
    """Stops a decision; no handler of the policy catches it by accident."""


class _Counter:
    def __init__(self, limit: int) -> None:
        self.lines, self.limit = 0, limit

    def enter(self, frame: FrameType, event: str, argument: Any) -> Any:
        return self.count

    def count(self, frame: FrameType, event: str, argument: Any) -> Any:
        self.lines += event == "line"
        if self.lines > self.limit:
            raise _TooMuch
        return self.count
