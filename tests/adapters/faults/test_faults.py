from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hal.adapters import Applied, JobStarted, Outcome, Running, Snapshot
from hal.adapters.slurm import client
from hal.adapters.slurm.client import rows_of
from hal.adapters.slurm.convert import convert
from hal.adapters.slurm.from_json import job_from_json, node_from_json
from hypothesis import given
from hypothesis import strategies as st

import hal
from tests.adapters.faults.memory import MemoryFaults
from tests.adapters.faults.slurm import FakeSlurm, SlurmFaults
from tests.adapters.faults.suite import (
    CHANGING,
    OTHERS,
    READING,
    Harness,
    a_burst_is_followed_whole,
    a_clock_may_be_wrong,
    a_conflict_is_no_loss,
    reading_fails,
)
from tests.adapters.memory import MemoryAdapter

KINDS = ("memory", "slurm json", "slurm rest")
READ = {
    "memory": MemoryFaults.reading,
    "slurm json": ("timeout", "error", "truncated", "nonsense", "empty", "odd values"),
    "slurm rest": (
        "timeout",
        "error",
        "truncated",
        "nonsense",
        "empty",
        "odd values",
        "denied",
        "hung up",
        "drip",
    ),
}
CHANGE = {
    "memory": MemoryFaults.changing,
    "slurm json": SlurmFaults.changing,
    "slurm rest": SlurmFaults.changing,
}


@contextlib.contextmanager
def made(which: str, folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Harness]:
    if which == "memory":
        yield MemoryFaults()
        return
    harness = SlurmFaults(folder, which.split()[1])
    patch.setattr(client.subprocess, "run", harness.run)
    try:
        yield harness
    finally:
        harness.close()


@pytest.fixture(autouse=True)
def no_secret(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.DEBUG)
    yield
    assert SlurmFaults.secret not in caplog.text


def cases(checks: object, kinds: dict[str, tuple[str, ...]]) -> list[object]:
    return [
        pytest.param(which, check, kind, id=f"{which}-{check.__name__}-{kind}")
        for which in KINDS
        for check in checks  # type: ignore[attr-defined]
        for kind in kinds[which]
    ]


@pytest.mark.parametrize(("which", "check", "kind"), [*cases(READING, READ), *cases(CHANGING, CHANGE)])
def test_a_fault_loses_and_doubles_nothing(
    which: str,
    check: Callable[[Harness, str], None],
    kind: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with made(which, tmp_path, monkeypatch) as harness:
        check(harness, kind)


def other_cases() -> list[object]:
    # The stand-in for Slurm answers with all 5,003 jobs each time.
    return [
        pytest.param(
            which,
            check,
            id=f"{which}-{check.__name__}",
            marks=[pytest.mark.slow] if check is a_burst_is_followed_whole and which != "memory" else [],
        )
        for which in KINDS
        for check in OTHERS
    ]


@pytest.mark.parametrize(("which", "check"), other_cases())
def test_other_faults(
    which: str, check: Callable[[Harness], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with made(which, tmp_path, monkeypatch) as harness:
        check(harness)


@pytest.mark.parametrize("seconds", [-86_400, 86_400])
@pytest.mark.parametrize("which", KINDS)
def test_a_clock_may_be_wrong(
    which: str, seconds: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with made(which, tmp_path, monkeypatch) as harness:
        a_clock_may_be_wrong(harness, seconds)


def test_an_expired_token_is_replaced_without_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with made("slurm rest", tmp_path, monkeypatch) as harness:
        assert isinstance(harness, SlurmFaults)
        adapter = harness.adapter()
        harness.token.write_text("eyJhbGciOiJIUzI1NiJ9.ZXhwaXJlZA.b2xk")
        with pytest.raises(hal.AdapterError, match="401") as told:
            adapter.snapshot()
        assert "eyJ" not in str(told.value)
        harness.token.write_text(harness.secret)
        assert len(adapter.snapshot().nodes) == 4


ODD = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=8), st.just([]), st.just({}),
    st.just({"set": True, "number": -1}), st.just({"set": True, "infinite": True}), st.just(["none", None]),
)  # fmt: skip


@given(st.sampled_from(["nodes", "jobs"]), st.integers(0, 4), st.integers(0, 30), ODD)
def test_any_value_in_any_field_is_read_or_a_typed_error(
    what: str, row: int, field: int, value: object
) -> None:
    slurm = FakeSlurm()
    for number in range(5):
        job = slurm.submit(cpus=2)
        if number % 2:
            slurm.start(job, "c1")
    answer = slurm.told(what)
    rows = answer[what]
    one = rows[row % len(rows)]
    one[sorted(one)[field % len(one)]] = value
    told = {"nodes": slurm.told("nodes"), "jobs": slurm.told("jobs")} | {what: answer}
    with contextlib.suppress(hal.AdapterError):
        nodes = rows_of(json.dumps(told["nodes"]), "sinfo", "nodes", node_from_json)
        jobs = rows_of(json.dumps(told["jobs"]), "squeue", "jobs", job_from_json)
        now = convert(nodes, jobs, now=0, claims=lambda job: job.comment == "hal")
        assert len({node.name for node in now.nodes}) == len(now.nodes)


@given(st.binary(max_size=200), st.integers(0, 2000))
def test_any_answer_is_read_or_a_typed_error(noise: bytes, at: int) -> None:
    whole = json.dumps(FakeSlurm().told("nodes")).encode()
    for text in (noise, whole[:at], whole[:at] + noise + whole[at:]):
        with contextlib.suppress(hal.AdapterError):
            rows_of(text, "sinfo", "nodes", node_from_json)


class Doubling(MemoryAdapter):
    """Starts what runs already once more."""

    def _one(self, placement: hal.Placement) -> Applied:
        if placement.job in self.of.running:
            self.of.tell(JobStarted(Running(self.of.running[placement.job].job, placement.nodes)))
            return Applied(placement.job, Outcome.APPLIED)
        return super()._one(placement)


class Bare(MemoryAdapter):
    """Lets an error of its transport out as it is."""

    def snapshot(self) -> Snapshot:
        try:
            return super().snapshot()
        except hal.AdapterError as error:
            raise ConnectionResetError("reset") from error


@pytest.mark.parametrize(
    ("broken", "check"),
    [(Doubling, a_conflict_is_no_loss), (Bare, lambda harness: reading_fails(harness, "refused"))],
    ids=["doubling", "bare"],
)
def test_a_broken_adapter_fails(broken: type[MemoryAdapter], check: Callable[[Harness], None]) -> None:
    harness = MemoryFaults()

    def adapter() -> MemoryAdapter:
        one = broken(harness.of)
        one.fault = harness._fault
        return one

    harness.adapter = adapter  # type: ignore[method-assign]
    with pytest.raises((AssertionError, ConnectionResetError)):
        check(harness)
