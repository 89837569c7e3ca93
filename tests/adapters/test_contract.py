from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hal.adapters import Applied, JobStarted, Outcome, Running, Snapshot
from hal.adapters.conformance import CHECKS, Harness

import hal
from tests.adapters.memory import MemoryAdapter, MemoryHarness


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_memory_keeps_the_contract(check: Callable[[Harness], None]) -> None:
    check(MemoryHarness())


class Doubling(MemoryAdapter):
    """Starts a job again wherever it is told to."""

    def _one(self, placement: hal.Placement) -> Applied:
        of = self.of
        job = (
            of.waiting.get(placement.job)
            or (of.running.get(placement.job) or next(iter(of.running.values()))).job
        )
        of.tell(JobStarted(Running(job, placement.nodes)))
        return Applied(placement.job, Outcome.APPLIED)


class Forgetful(MemoryAdapter):
    """Says that it did what it did not do."""

    def _one(self, placement: hal.Placement) -> Applied:
        return Applied(placement.job, Outcome.APPLIED)


class Deaf(MemoryAdapter):
    """Tells no change."""

    def watch(self, version: str, *, timeout: float):  # type: ignore[no-untyped-def]
        self.version = version
        return iter(())


class Raising(MemoryAdapter):
    """Lets one bad placement spoil the others."""

    def apply(self, placements: Sequence[hal.Placement]) -> list[Applied]:
        for placement in placements:
            if placement.job not in self.of.waiting and placement.job not in self.of.running:
                raise KeyError(placement.job)
        return super().apply(placements)


class Drifting(MemoryAdapter):
    """Reading makes a job vanish."""

    def snapshot(self) -> Snapshot:
        taken = super().snapshot()
        self.of.nodes.popitem()
        return taken


@pytest.mark.parametrize(
    ("broken", "fails"),
    [
        (Doubling, "a_raced_job_is_a_conflict"),
        (Forgetful, "jobs_run_where_they_are_put"),
        (Deaf, "a_mirror_agrees_with_a_new_snapshot"),
        (Raising, "a_withdrawn_job_is_gone"),
        (Drifting, "snapshots_agree"),
    ],
)
def test_a_broken_adapter_fails_its_check(broken: type[MemoryAdapter], fails: str) -> None:
    harness = MemoryHarness()
    harness.patience = 0.3
    harness.adapter = lambda: broken(harness.of)  # type: ignore[method-assign]
    check = next(check for check in CHECKS if check.__name__ == fails)
    with pytest.raises((AssertionError, KeyError)):
        check(harness)
