from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.adapters.faults.kubernetes import KubernetesFaults
from tests.adapters.faults.suite import cases
from tests.adapters.kubernetes.cluster import KubernetesCluster
from tests.adapters.kubernetes.conftest import kubernetes

__all__ = ["kubernetes"]

pytestmark = pytest.mark.server


@pytest.fixture
def harness(
    kubernetes: KubernetesCluster, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> Iterator[KubernetesFaults]:
    caplog.set_level(logging.DEBUG)
    kubernetes.clear()
    made = KubernetesFaults(kubernetes, tmp_path)
    try:
        yield made
    finally:
        made.close()
        kubernetes.clear()
    assert made.secret not in caplog.text


@pytest.mark.parametrize(("check", "arguments"), cases(KubernetesFaults))
def test_a_fault_loses_and_doubles_nothing(
    check: Callable[..., None], arguments: tuple[object, ...], harness: KubernetesFaults
) -> None:
    check(harness, *arguments)
