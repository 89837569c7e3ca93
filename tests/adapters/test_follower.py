"""A follower's cluster is the orchestrator's, whatever goes wrong between them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hal.adapters import Follower, JobGone, JobStarted, NodeChanged, NodeGone, Running

import hal
from tests.adapters.memory import MemoryAdapter, Orchestrator
from tests.waiting import until


@pytest.fixture
def of() -> Orchestrator:
    """Return an orchestrator with four nodes."""
    return Orchestrator()


@pytest.fixture
def follower(of: Orchestrator) -> Iterator[Follower]:
    """Yield a follower of it that retries at once."""
    made = Follower(MemoryAdapter(of), patience=0.05)
    made._backoff.first = made._backoff.most = 0.01
    yield made
    made.stop()


def test_follows_nodes_and_jobs(of: Orchestrator, follower: Follower) -> None:
    assert len(follower.cluster) == 0
    assert follower.fault
    follower.start()
    until(lambda: len(follower.cluster) == 4)
    assert not follower.fault
    first, second = of.submit(2, cpus=3)
    until(lambda: list(follower.waiting) == [first, second])
    of.tell(JobStarted(Running(of.waiting[first], ("m1",))), NodeChanged(hal.Node("new", cpus=1)))
    of.tell(NodeGone("m3"), JobGone(second))
    until(lambda: not follower.waiting and "m3" not in follower.cluster)
    assert follower.cluster.runs(first)
    assert sorted(follower.cluster.node_names()) == ["m0", "m1", "m2", "new"]
    assert follower.counts == {"snapshots": 1, "changes": 6, "faults": 0}


def test_reads_everything_again_when_changes_are_lost(of: Orchestrator, follower: Follower) -> None:
    follower.start()
    until(lambda: len(follower.cluster) == 4)
    of.keep = 2
    names = of.submit(500)  # far more than are kept
    until(lambda: list(follower.waiting) == names)
    assert follower.counts["faults"] == 0


@pytest.mark.parametrize("error", [hal.AdapterError("no route"), RuntimeError("a bug in the adapter")])
def test_waits_faults_out_and_says_so(of: Orchestrator, follower: Follower, error: Exception) -> None:
    follower.start()
    until(lambda: len(follower.cluster) == 4)
    adapter = follower.adapter

    def fail(call: str) -> None:
        raise error

    adapter.fault = fail  # type: ignore[attr-defined]
    until(lambda: str(error) in follower.fault)
    until(lambda: follower.counts["faults"] > 3)
    assert len(follower.cluster) == 4  # what was known last is still there to look at
    (name,) = of.submit(1)
    adapter.fault = lambda call: None  # type: ignore[attr-defined]
    until(lambda: not follower.fault)
    assert list(follower.waiting) == [name]
    assert follower.counts["snapshots"] == 2


def test_what_is_entered_early_is_not_entered_twice(of: Orchestrator, follower: Follower) -> None:
    follower.start()
    (name,) = of.submit(1, cpus=5)
    until(lambda: name in follower.waiting)
    running = Running(of.waiting[name], ("m2",))
    with follower.lock:
        follower.started(running)
        assert follower.cluster.runs(name)
    of.tell(JobStarted(running))
    until(lambda: follower.counts["changes"] >= 1)
    assert list(follower.cluster.columns.free_cpu) == [8000, 8000, 3000, 8000]


def test_stops_at_once_while_waiting_a_fault_out(of: Orchestrator, follower: Follower) -> None:
    def fail(call: str) -> None:
        raise hal.AdapterError("no route")

    follower.adapter.fault = fail  # type: ignore[attr-defined]
    follower._backoff.first = follower._backoff.most = 10_000
    follower.start()
    until(lambda: follower.counts["faults"] == 1)
    follower.patience = (
        300  # stop() waits so long for the thread, however busy the machine; it would need hours more
    )
    follower.stop()
    assert not follower._thread.is_alive()
    assert follower.counts["faults"] == 1
