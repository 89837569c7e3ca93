"""In which order and how decisions and news are written, without a server."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hal.adapters.kubernetes.binding import _bursts
from hal.adapters.kubernetes.telling import Teller
from hypothesis import given
from hypothesis import strategies as st


@given(st.integers(0, 3000), st.integers(1, 32))
def test_bursts_are_all_tasks_in_order_and_end_short(count: int, workers: int) -> None:
    tasks = [(f"p{i}", "n", ()) for i in range(count)]
    bursts = list(_bursts(tasks, workers))
    assert [task for burst in bursts for task in burst] == tasks
    sizes = [len(burst) for burst in bursts]
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
    teller = Teller(listener, "hal")  # type: ignore[arg-type]  # all that it uses of a client
    with teller.after():
        teller.scheduled(POD, "n")
        assert not listener.told.wait(0.05)
    assert listener.told.wait(60)
    assert listener.heard == ["Scheduled"]
    teller.close()


def test_news_that_waited_long_are_told_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hal.adapters.kubernetes.telling._PATIENCE", 0.01)
    listener = Listener()
    teller = Teller(listener, "hal")  # type: ignore[arg-type]  # all that it uses of a client
    with teller.after():
        teller.scheduled(POD, "n")
        assert listener.told.wait(60)
    teller.close()
