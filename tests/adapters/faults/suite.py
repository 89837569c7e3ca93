"""What may go wrong between an adapter and its orchestrator, as checks for any adapter.

Nothing is lost, nothing is doubled, nothing is over-committed, and no secret is written down, whatever fails. An
adapter is checked by a harness around a stand-in for its orchestrator that fails when told to.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Final, Protocol

import pytest
from hal.adapters import Adapter, Loop, Outcome

import hal
from tests.waiting import PATIENCE

__all__ = ["CHANGING", "OTHERS", "READING", "Harness", "cases"]


class Harness(Protocol):
    """What the checks do to the orchestrator and to the way there."""

    #: Faults that reading can have here, and those that changing can.
    reading: tuple[str, ...]
    changing: tuple[str, ...]
    #: What the adapter proves itself with; in no log and in no error.
    secret: str

    def adapter(self) -> Adapter:
        """Return a new adapter, connected."""
        ...

    def submit(self, count: int) -> list[str]:
        """Submit small jobs for hal to place; their names as the adapter tells them."""
        ...

    def withdraw(self, jobs: Sequence[str]) -> None:
        """Cancel jobs."""
        ...

    def seize(self, job: str, node: str) -> None:
        """Start a job behind the adapter's back."""
        ...

    def fail(self, kind: str, times: int) -> None:
        """Let the next so many requests fail: of those that read, or of those that change, by the kind."""
        ...

    def forget(self, adapter: Adapter) -> None:
        """Have the changes that this adapter would ask for next be kept no more."""
        ...

    def skew(self, seconds: int) -> None:
        """Set the orchestrator's clock off ours."""
        ...

    def lie(self, node: str) -> None:
        """Let more run on a node than it has."""
        ...

    def starts(self, job: str) -> int:
        """How often the job was started."""
        ...

    def where(self, job: str) -> Sequence[str]:
        """Nodes of a job that runs."""
        ...

    def overfull(self) -> Sequence[str]:
        """Nodes that hold more than they have, by the orchestrator's own count."""
        ...


def drive(loop: Loop, true: Callable[[], bool]) -> None:
    """Run the loop as ``hal run`` does until something is true."""
    stop = threading.Event()
    timer = threading.Timer(PATIENCE, stop.set)
    timer.start()
    try:
        loop.run(stop, interval=0.01, report=lambda _: stop.set() if true() else None)
    finally:
        timer.cancel()
    assert true(), f"not within {PATIENCE:g} s"


def run_once_each(harness: Harness, jobs: Sequence[str]) -> None:
    assert [harness.starts(job) for job in jobs] == [1] * len(jobs)
    assert all(harness.where(job) for job in jobs)
    assert not harness.overfull()


@contextlib.contextmanager
def looping(harness: Harness) -> Iterator[Loop]:
    adapter = harness.adapter()
    try:
        yield Loop(adapter, wait=0.01)
    finally:
        adapter.close()


def reading_fails(harness: Harness, kind: str) -> None:
    """What cannot be read is read later; a fault of the whole is a typed error."""
    jobs = harness.submit(3)
    with looping(harness) as loop:
        harness.fail(kind, 3)
        told = ""
        try:
            loop.adapter.snapshot()
        except hal.AdapterError as error:
            told = str(error)
        assert not harness.secret or harness.secret not in told
        drive(loop, lambda: all(harness.where(job) for job in jobs))
    run_once_each(harness, jobs)


def reading_fails_in_the_middle(harness: Harness, kind: str) -> None:
    """After a fault everything is read again, and what runs is not started once more."""
    first = harness.submit(3)
    with looping(harness) as loop:
        drive(loop, lambda: all(harness.where(job) for job in first))
        second = harness.submit(3)
        harness.fail(kind, 3)
        drive(loop, lambda: all(harness.where(job) for job in second))
    run_once_each(harness, [*first, *second])


def changing_fails(harness: Harness, kind: str) -> None:
    """A change of which nothing is known is looked up, not sent blindly again."""
    jobs = harness.submit(4)
    with looping(harness) as loop:
        assert len(loop.mirror.waiting) == len(jobs)
        harness.fail(kind, 2)
        drive(loop, lambda: all(harness.where(job) for job in jobs))
    run_once_each(harness, jobs)


def a_conflict_is_no_loss(harness: Harness) -> None:
    """A job that somebody else started between looking and acting stays where it is; the others run."""
    jobs = harness.submit(3)
    with looping(harness) as loop:
        assert len(loop.mirror.waiting) == len(jobs)
        harness.seize(jobs[0], loop.mirror.cluster.node_names()[-1])
        seized = list(harness.where(jobs[0]))
        outcomes = loop.step().outcomes()
        assert set(outcomes) <= {Outcome.APPLIED, Outcome.ALREADY, Outcome.CONFLICT, Outcome.GONE}
        drive(loop, lambda: all(harness.where(job) for job in jobs))
    assert list(harness.where(jobs[0])) == seized
    run_once_each(harness, jobs)


def forgotten_changes_are_read_anew(harness: Harness) -> None:
    """410 Gone: everything is read again."""
    with looping(harness) as loop:
        assert not loop.mirror.waiting
        jobs = harness.submit(5)
        harness.forget(loop.adapter)
        end = time.monotonic() + PATIENCE
        while set(loop.mirror.waiting) != set(jobs):
            assert time.monotonic() < end
            loop.follow(0.01)
        assert loop.counts["snapshots"] == 2
        drive(loop, lambda: all(harness.where(job) for job in jobs))
    run_once_each(harness, jobs)


def a_clock_may_be_wrong(harness: Harness, seconds: int) -> None:
    """A clock that is a day ahead or behind delays nobody."""
    harness.skew(seconds)
    jobs = harness.submit(3)
    with looping(harness) as loop:
        drive(loop, lambda: all(harness.where(job) for job in jobs))
    run_once_each(harness, jobs)


def a_lie_about_capacity_closes_its_node(harness: Harness) -> None:
    """A node that is said to hold more than it has gets nothing; the others do."""
    with looping(harness) as loop:
        node = loop.mirror.cluster.node_names()[0]
        harness.lie(node)
    jobs = harness.submit(3)
    with looping(harness) as loop:
        assert any(item.effect == "unschedulable" for item in loop.mirror.dropped)
        assert not loop.mirror.cluster.node(node).schedulable
        drive(loop, lambda: all(harness.where(job) for job in jobs))
    assert all(node not in harness.where(job) for job in jobs)
    assert [harness.starts(job) for job in jobs] == [1] * len(jobs)


def a_burst_is_followed_whole(harness: Harness) -> None:
    """10,000 events at once: 5,003 jobs come, 4,997 of them and no other go."""
    with looping(harness) as loop:
        assert not loop.mirror.waiting
        jobs = harness.submit(5_003)
        harness.withdraw(jobs[3:-3])
        end = time.monotonic() + PATIENCE
        while set(loop.mirror.waiting) != {*jobs[:3], *jobs[-3:]}:
            assert time.monotonic() < end
            loop.follow(0.01)
        left = [*jobs[:3], *jobs[-3:]]
        drive(loop, lambda: all(harness.where(job) for job in left))
    run_once_each(harness, left)


READING: Final = (reading_fails, reading_fails_in_the_middle)
CHANGING: Final = (changing_fails,)
OTHERS: Final[tuple[Callable[[Harness], None], ...]] = (
    a_conflict_is_no_loss,
    forgotten_changes_are_read_anew,
    a_lie_about_capacity_closes_its_node,
    a_burst_is_followed_whole,
)


def cases(
    kind: type[Harness],
    *,
    without: Collection[Callable[[Harness], None]] = (),
    slow: Collection[Callable[[Harness], None]] = (),
) -> list[Any]:
    """Return every check of a harness as parameters ``(check, arguments)``: call ``check(harness, *arguments)``.

    Parameters
    ----------
    without : collection of callable
        Of `OTHERS`, those that cannot happen there.
    slow : collection of callable
        Those for the slow lane.
    """
    found = [(check, (fault,)) for check in READING for fault in kind.reading]
    found += [(check, (fault,)) for check in CHANGING for fault in kind.changing]
    found += [(a_clock_may_be_wrong, (seconds,)) for seconds in (-86_400, 86_400)]
    found += [(check, ()) for check in OTHERS if check not in without]
    return [
        pytest.param(
            check,
            arguments,
            id="-".join([check.__name__, *map(str, arguments)]),
            marks=[pytest.mark.slow] if check in slow else [],
        )
        for check, arguments in found
    ]
