"""Contract tests: an honest implementation passes, and each broken promise is named."""

from __future__ import annotations

import tempfile
from typing import Any

import pytest

from hal.control import Advice, Pid, Static, make
from hal.errors import HalError
from hal.plugins import WrongContract
from hal.predict import Predictor, RuntimeGuess
from hal.store import SqlStore
from hal.testing import Broken, check_contract


def store() -> SqlStore:
    return SqlStore(f"sqlite:///{tempfile.mkdtemp()}/a.db")


class NeverRefuses(SqlStore):
    def _check_room(self, *_: Any) -> None:
        """There is always room."""


class ForgetsVersions(SqlStore):
    def set_quota(self, queue: str, limits: Any, *, version: int | None = None) -> Any:
        return super().set_quota(queue, limits)


class Knows:
    """Guesses as the user asked."""

    def submitted(self, now: int, job: str, *, requested: int, procs: int = 1, user: str = "") -> Any:
        return RuntimeGuess(requested, requested, requested)

    def started(self, now: int, job: str) -> None: ...
    def finished(self, now: int, job: str) -> None: ...
    def withdrawn(self, job: str) -> None: ...


class Exceeds(Knows):
    def submitted(self, now: int, job: str, *, requested: int, procs: int = 1, user: str = "") -> Any:
        return RuntimeGuess(1, 90, 90)


class Wavers(Knows):
    made = 0

    def __init__(self) -> None:
        Wavers.made += 1
        self.first = Wavers.made

    def submitted(self, now: int, job: str, *, requested: int, procs: int = 1, user: str = "") -> Any:
        return RuntimeGuess(1, 1, 1 + self.first % 2)


class Forgets(Pid):
    """Takes up nothing of its state."""

    def restore(self, state: Any) -> None: ...


class Bends(Static):
    def observe(self, signals: Any, context: Any = None) -> Advice:
        return Advice(1.5, "beyond")


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


@pytest.mark.parametrize(
    ("kind", "make"),
    [
        ("store", store),
        ("predictor", Knows),
        ("predictor", lambda: Predictor("similar")),
        ("data_plane", Plane),
        *(
            ("controller", lambda name=name: make(name))
            for name in ("static", "heuristic", "pid", "bayesian", "mpc")
        ),
    ],
)
def test_honest_parts_pass(kind: str, make: Any) -> None:
    check_contract(kind, make)


@pytest.mark.parametrize(
    ("kind", "make", "said"),
    [
        ("store", lambda: NeverRefuses(f"sqlite:///{tempfile.mkdtemp()}/a.db"), "more than was declared"),
        ("store", lambda: ForgetsVersions(f"sqlite:///{tempfile.mkdtemp()}/a.db"), "old version"),
        ("predictor", Exceeds, "at most the request, 60"),
        ("predictor", Wavers, "same history"),
        ("controller", Forgets, "restore"),
        ("controller", Bends, "from 0 to 1"),
        ("data_plane", Moves, "transfer"),
    ],
)
def test_a_broken_promise_is_named(kind: str, make: Any, said: str) -> None:
    with pytest.raises(Broken, match=said):
        check_contract(kind, make)


def test_what_lacks_methods_is_refused() -> None:
    with pytest.raises(WrongContract, match=r"hal\.store\.Store"):
        check_contract("store", object)
    with pytest.raises(HalError, match="kind"):
        check_contract("shop", object)
