"""The contract as checks: run them against any adapter that has a `Harness` around its orchestrator.

>>> from hal.adapters.conformance import CHECKS
>>> [check.__name__ for check in CHECKS][:2]
['snapshot_is_whole', 'snapshots_agree']
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from hal.adapters.contract import CONTRACT, Adapter, Dropped, Outcome, Snapshot
from hal.adapters.mirror import Mirror

import hal

__all__ = ["CHECKS", "Harness", "books"]


class Harness(Protocol):
    """What the checks need to do to the orchestrator beside the adapter, as a user or an operator would."""

    #: Seconds within which the orchestrator shows what was done to it.
    patience: float

    def adapter(self) -> Adapter:
        """Return a new adapter, connected."""
        ...

    def submit(self, count: int) -> list[str]:
        """Submit small jobs for hal to place; their names as the adapter tells them."""
        ...

    def withdraw(self, job: str) -> None:
        """Cancel or delete a job."""
        ...

    def seize(self, job: str, node: str) -> bool:
        """Place a job behind the adapter's back; False where the orchestrator has no such way."""
        ...

    def where(self, job: str) -> Sequence[str]:
        """Nodes that the orchestrator says the job was given; empty while it waits."""
        ...

    def close_node(self, node: str, closed: bool) -> None:
        """Drain or cordon a node, or lift that."""
        ...


def books(cluster: hal.Cluster) -> dict[str, tuple[int, int, int]]:
    """Node → free milli-CPU, MiB and milli-GPU: what two views of one orchestrator must agree on."""
    columns = cluster.columns
    rows = columns.present.nonzero()[0].tolist()
    return {
        name: (int(columns.free_cpu[row]), int(columns.free_memory[row]), int(columns.gpu_total_free[row]))
        for name, row in zip(cluster.node_names(), rows, strict=True)
    }


def snapshot_is_whole(harness: Harness) -> None:
    """A snapshot has nodes, names each job once, and says from where to watch."""
    adapter = harness.adapter()
    assert adapter.contract[0] == CONTRACT[0]
    snapshot = adapter.snapshot()
    assert isinstance(snapshot, Snapshot)
    assert len(snapshot.cluster) > 0
    assert isinstance(snapshot.version, str)
    names = [job.name for job in snapshot.jobs] + [running.job.name for running in snapshot.running]
    assert len(names) == len(set(names))
    assert all(isinstance(item, Dropped) for item in snapshot.dropped)


def snapshots_agree(harness: Harness) -> None:
    """Reading changes nothing."""
    adapter = harness.adapter()
    first, second = adapter.snapshot(), adapter.snapshot()
    assert books(first.cluster) == books(second.cluster)
    assert [job.name for job in first.jobs] == [job.name for job in second.jobs]


def jobs_run_where_they_are_put(harness: Harness) -> None:
    """A placement is carried out on its node, and sending it again changes nothing."""
    adapter = harness.adapter()
    names = harness.submit(3)
    placed = _place(adapter, names)
    answers = adapter.apply(placed)
    assert [answer.job for answer in answers] == [placement.job for placement in placed]
    assert all(answer.outcome.holds for answer in answers), answers
    for placement in placed:
        _until(harness, functools.partial(_runs_there, harness, placement))
    again = adapter.apply(placed)
    assert all(answer.outcome.holds for answer in again), again
    for placement in placed:
        assert sorted(harness.where(placement.job)) == sorted(placement.nodes)


def a_withdrawn_job_is_gone(harness: Harness) -> None:
    """A placement of a job that is not there any more is an answer, and the others are carried out."""
    adapter = harness.adapter()
    names = harness.submit(2)
    placed = _place(adapter, names)
    harness.withdraw(names[0])
    _until(harness, lambda: names[0] not in _waiting(adapter))
    answers = {answer.job: answer for answer in adapter.apply(placed)}
    assert answers[names[0]].outcome in (Outcome.GONE, Outcome.CONFLICT), answers
    assert answers[names[1]].outcome.holds, answers


def a_node_that_is_not_there_is_an_answer(harness: Harness) -> None:
    """A placement on a node that has vanished is refused, and the job still waits."""
    adapter = harness.adapter()
    (name,) = harness.submit(1)
    (placement,) = _place(adapter, [name])
    lost = hal.Placement(name, placement.status, ("no-such-node",), ((),), (0.0,))
    (answer,) = adapter.apply([lost])
    assert answer.outcome in (Outcome.GONE, Outcome.REFUSED, Outcome.CONFLICT), answer
    assert not harness.where(name)
    _until(harness, lambda: name in _waiting(adapter))
    (answer,) = adapter.apply([placement])
    assert answer.outcome.holds, answer


def a_raced_job_is_a_conflict(harness: Harness) -> None:
    """A job that somebody else placed stays where it was put, once."""
    adapter = harness.adapter()
    (name,) = harness.submit(1)
    (placement,) = _place(adapter, [name])
    other = next(node for node in adapter.snapshot().cluster.node_names() if node not in placement.nodes)
    if not harness.seize(name, other):
        return
    (answer,) = adapter.apply([placement])
    assert answer.outcome in (Outcome.CONFLICT, Outcome.GONE), answer
    assert list(harness.where(name)) == [other]


def a_mirror_agrees_with_a_new_snapshot(harness: Harness) -> None:
    """Following the changes ends where reading everything does."""
    adapter = harness.adapter()
    snapshot = adapter.snapshot()
    mirror, version = Mirror(snapshot), snapshot.version
    names = harness.submit(4)
    node = snapshot.cluster.node_names()[0]
    harness.close_node(node, True)
    adapter.apply(_place(harness.adapter(), names[:2], without=node))
    harness.withdraw(names[3])
    end = time.monotonic() + harness.patience
    while True:
        mirror.follow(adapter.watch(version, timeout=0.5))
        version = adapter.version
        now = harness.adapter().snapshot()
        same = books(mirror.cluster) == books(now.cluster)
        same &= sorted(mirror.waiting) == sorted(job.name for job in now.jobs)
        same &= not mirror.cluster.node(node).schedulable
        if same or time.monotonic() > end:
            break
    harness.close_node(node, False)
    assert books(mirror.cluster) == books(now.cluster)
    assert sorted(mirror.waiting) == sorted(job.name for job in now.jobs)
    assert not mirror.cluster.node(node).schedulable
    assert names[2] in mirror.waiting
    assert names[3] not in mirror.waiting


def reasons_are_told(harness: Harness) -> None:
    """A reason for a job, also for one that is gone, is told without an error."""
    adapter = harness.adapter()
    (name,) = harness.submit(1)
    _until(harness, lambda: name in _waiting(adapter))
    adapter.explain({name: "0/3 nodes fit: 3 GPUs", "no-such-job": "nothing"})
    assert name in _waiting(adapter)


def closing_twice_is_harmless(harness: Harness) -> None:
    """An adapter may be closed at any time and again."""
    adapter = harness.adapter()
    adapter.close()
    adapter.close()


#: Every check, in the order in which to run them.
CHECKS: Final[tuple[Callable[[Harness], None], ...]] = (
    snapshot_is_whole,
    snapshots_agree,
    jobs_run_where_they_are_put,
    a_withdrawn_job_is_gone,
    a_node_that_is_not_there_is_an_answer,
    a_raced_job_is_a_conflict,
    a_mirror_agrees_with_a_new_snapshot,
    reasons_are_told,
    closing_twice_is_harmless,
)


def _waiting(adapter: Adapter) -> dict[str, hal.Job]:
    return {job.name: job for job in adapter.snapshot().jobs}


def _place(adapter: Adapter, names: Sequence[str], *, without: str = "") -> list[hal.Placement]:
    """Decide for the named jobs on what the orchestrator has now."""
    snapshot = adapter.snapshot()
    jobs = [job for job in snapshot.jobs if job.name in names]
    assert len(jobs) == len(names), f"{sorted(names)} should wait: {[job.name for job in snapshot.jobs]}"
    if without:
        snapshot.cluster.cordon(without)
    placed = list(hal.place(snapshot.cluster, jobs, "worst_fit"))
    assert all(placement.placed for placement in placed), placed
    return placed


def _runs_there(harness: Harness, placement: hal.Placement) -> bool:
    return sorted(harness.where(placement.job)) == sorted(placement.nodes)


def _until(harness: Harness, true: Callable[[], bool]) -> None:
    end = time.monotonic() + harness.patience
    while not true():
        assert time.monotonic() < end, f"not within {harness.patience} s"
        time.sleep(0.05)
