from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.adapters.faults.nomad import NomadFaults
from tests.adapters.faults.suite import a_burst_is_followed_whole, cases


@pytest.fixture
def harness(traces: Path, caplog: pytest.LogCaptureFixture) -> Iterator[NomadFaults]:
    caplog.set_level(logging.DEBUG, logger="hal")
    made = NomadFaults(traces.parent / "fixtures" / "nomad")
    try:
        yield made
    finally:
        made.close()
    assert made.secret not in caplog.text


@pytest.mark.parametrize(("check", "arguments"), cases(NomadFaults, slow=[a_burst_is_followed_whole]))
def test_a_fault_loses_and_doubles_nothing(
    check: Callable[..., None], arguments: tuple[object, ...], harness: NomadFaults
) -> None:
    check(harness, *arguments)
