from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.adapters.faults.ray import RayFaults
from tests.adapters.faults.suite import a_lie_about_capacity_closes_its_node, cases
from tests.adapters.ray.conftest import ray_cluster

__all__ = ["ray_cluster"]

pytestmark = pytest.mark.server


@pytest.fixture
def harness(ray_cluster: Any) -> Iterator[RayFaults]:
    made = RayFaults()
    try:
        yield made
    finally:
        made.close()


@pytest.mark.parametrize(
    ("check", "arguments"), cases(RayFaults, without=[a_lie_about_capacity_closes_its_node])
)
def test_a_fault_loses_and_doubles_nothing(
    check: Callable[..., None], arguments: tuple[object, ...], harness: RayFaults
) -> None:
    check(harness, *arguments)
