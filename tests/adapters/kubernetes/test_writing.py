"""In which order and how decisions and news are written, without a server."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hal.adapters.contract import Outcome
from hal.adapters.kubernetes.binding import Binder
from hal.adapters.kubernetes.client import ApiError
from hal.adapters.kubernetes.kinds import NODES, PODS
from hal.adapters.kubernetes.lease import LeaseLock
from hal.adapters.kubernetes.portions import bursts
from hal.adapters.kubernetes.telling import Teller
from hypothesis import given
from hypothesis import strategies as st

import hal


@given(st.integers(0, 3000), st.integers(1, 32))
def test_bursts_are_all_tasks_in_order_and_end_short(count: int, workers: int) -> None:
    tasks = [(f"p{i}", "n", ()) for i in range(count)]
    cut = list(bursts(tasks, workers))
    assert [task for burst in cut for task in burst] == tasks
    sizes = [len(burst) for burst in cut]
    assert sizes == sorted(sizes, reverse=True)
    assert max(sizes, default=1) <= 16
    assert sizes[-workers:] == [1] * min(workers, count)


class Listener:
    """A client that notes what was sent."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.told = threading.Event()

    def call(self, method: str, path: str, body: Any, *, kind: str) -> None:
        self.heard.append(body["reason"])
        self.told.set()


POD = {"metadata": {"name": "p", "namespace": "default"}}


def test_news_wait_for_decisions_and_are_told_after_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hal.adapters.kubernetes.telling._PATIENCE", 1000.0)
    listener = Listener()
    teller = Teller(listener, "hal")
    with teller.after():
        teller.scheduled(POD, "n")
        assert not listener.told.wait(0.05)
    assert listener.told.wait(60)
    assert listener.heard == ["Scheduled"]
    teller.close()


def test_news_that_waited_long_are_told_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hal.adapters.kubernetes.telling._PATIENCE", 0.01)
    listener = Listener()
    teller = Teller(listener, "hal")
    with teller.after():
        teller.scheduled(POD, "n")
        assert listener.told.wait(60)
    teller.close()


class SlowServer:
    """A client of a server that takes a third of a second for each binding, by a clock of its own."""

    def __init__(self, taken_after: int | None = None) -> None:
        self.now, self.bound, self.renewed = 0.0, 0, 0
        self.taken_after = taken_after  # bindings, after which another instance has the lease
        self.lease: dict[str, Any] = {}

    def post(self, requests: list[tuple[str, Any]]) -> list[int]:
        self.now += len(requests) / 3
        self.bound += len(requests)
        return [201] * len(requests)

    def call(self, method: str, path: str, body: Any = None, *, kind: str = "") -> Any:
        if path.endswith("/binding"):
            return self.post([(path, body)])
        if method == "GET":
            return self.lease
        if self.taken_after is not None and self.bound >= self.taken_after:
            self.lease = {"metadata": {"resourceVersion": "x"}, "spec": {"holderIdentity": "another"}}
            raise ApiError(409, "taken")
        self.renewed += 1
        body["metadata"]["resourceVersion"] = str(self.renewed)
        self.lease = body
        return body


def carried_out(server: SlowServer, count: int) -> list[Outcome]:
    lease = LeaseLock(server, "default/hal", clock=lambda: server.now)
    binder = Binder(server, lease, "hal", 1)
    room = {"allocatable": {"cpu": "8", "pods": "999"}}
    binder._state.take(NODES, "ADDED", {"metadata": {"name": "n"}, "spec": {}, "status": room})
    for index in range(count):
        meta = {"name": f"p{index}", "namespace": "d", "uid": f"u{index}"}
        spec = {"schedulerName": "hal", "containers": []}
        binder._state.take(PODS, "ADDED", {"metadata": meta, "spec": spec, "status": {"phase": "Pending"}})
    binder._state.snapshot("1")
    placed = [
        hal.Placement(f"d/p{index}", hal.Status.PLACED, ("n",), ((),), (1.0,)) for index in range(count)
    ]
    return [answer.outcome for answer in binder._carry_out(placed)]


def test_the_lease_outlasts_what_a_slow_server_takes_for_one_part() -> None:
    server = SlowServer()  # 100 seconds; the lease is good for 10
    assert carried_out(server, 300) == [Outcome.APPLIED] * 300
    assert server.bound == 300
    assert 100 / 10 <= server.renewed <= 100 / 5 + 2


def test_nothing_is_sent_once_another_has_the_lease() -> None:
    server = SlowServer(taken_after=48)
    outcomes = carried_out(server, 300)
    assert server.bound == outcomes.count(Outcome.APPLIED)
    assert 48 <= server.bound <= 48 + 16
    assert set(outcomes[server.bound :]) == {Outcome.UNKNOWN}
