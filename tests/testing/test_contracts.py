"""Contract tests: an honest implementation passes, and each broken promise is named."""

from __future__ import annotations

from typing import Any

import pytest

from hal.errors import HalError
from hal.plugins import WrongContract
from hal.testing import Broken, check_contract


class Memory:
    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def get(self, key: str) -> bytes | None:
        return self.kept.get(key)

    def put(self, key: str, value: bytes) -> None:
        self.kept[key] = value

    def delete(self, key: str) -> None:
        self.kept.pop(key, None)

    def keys(self) -> list[str]:
        return sorted(self.kept)


class KeepsFirst(Memory):
    def put(self, key: str, value: bytes) -> None:
        self.kept.setdefault(key, value)


class Unsorted(Memory):
    def keys(self) -> list[str]:
        return list(self.kept)


class Mean:
    name = "mean"

    def __init__(self) -> None:
        self.seen: list[float] = []

    def observe(self, job: Any, seconds: float) -> None:
        self.seen.append(seconds)

    def predict(self, jobs: Any) -> list[float]:
        return [sum(self.seen) / len(self.seen)] * len(jobs)


class LearnsFromQuestions(Mean):
    def predict(self, jobs: Any) -> list[float]:
        self.seen.append(1.0)
        return super().predict(jobs)


class Plane:
    def __init__(self) -> None:
        self.held: dict[str, set[str]] = {"store": {"d"}, "site": set()}

    def contents(self) -> dict[str, set[str]]:
        return self.held

    def transfer(self, dataset: str, source: str, target: str) -> None:
        self.held[target].add(dataset)

    def evict(self, dataset: str, cache: str) -> None:
        self.held[cache].discard(dataset)


class Moves(Plane):
    def transfer(self, dataset: str, source: str, target: str) -> None:
        super().transfer(dataset, source, target)
        self.held[source].discard(dataset)


@pytest.mark.parametrize(("kind", "make"), [("store", Memory), ("predictor", Mean), ("data_plane", Plane)])
def test_honest_parts_pass(kind: str, make: Any) -> None:
    check_contract(kind, make)


@pytest.mark.parametrize(
    ("kind", "make", "said"),
    [
        ("store", KeepsFirst, "get"),
        ("store", Unsorted, "keys"),
        ("predictor", LearnsFromQuestions, "asked again"),
        ("data_plane", Moves, "transfer"),
    ],
)
def test_a_broken_promise_is_named(kind: str, make: Any, said: str) -> None:
    with pytest.raises(Broken, match=said):
        check_contract(kind, make)


def test_what_lacks_methods_is_refused() -> None:
    with pytest.raises(WrongContract, match=r"hal\.plugins\.Store"):
        check_contract("store", object)
    with pytest.raises(HalError, match="kind"):
        check_contract("shop", object)
