"""What writers do in a process that is killed, and what must hold of a store afterwards."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence

import sqlalchemy

from hal.store import Conflict, Reservation, Store, open_store

CAPACITY = {"n1/gpus": 4, "n2/gpus": 4}


def held(name: str, start: int, end: int, **gpus: int) -> Reservation:
    return Reservation(
        name, start=start, end=end, holds={f"{node}/gpus": amount for node, amount in gpus.items()}
    )


def _refuse(quotas: object) -> None:
    raise Conflict("does not add up")


def _refused(store: Store) -> None:
    try:
        store.set_quota("team", {"gpus": 99}, check=_refuse)
    except Conflict:
        return
    raise AssertionError("a change was stored that its check refused")


def _too_much(store: Store) -> None:
    try:
        store.reserve([held("greedy", 5, 15, n1=2)])
    except Conflict:
        return
    raise AssertionError("a double booking was accepted")


#: Each change, with what a store must show once it has been acknowledged: (names there, names gone, quota version).
STEPS: Sequence[tuple[Callable[[Store], object], set[str], set[str], int]] = (
    (lambda s: s.declare(CAPACITY), set(), set(), 0),
    (lambda s: s.reserve([held("a", 0, 10, n1=3), held("b", 0, 20, n1=1, n2=4)]), {"a", "b"}, set(), 0),
    (_too_much, {"a", "b"}, {"greedy"}, 0),
    (lambda s: s.set_quota("team", {"gpus": 8}, check=dict), {"a", "b"}, {"greedy"}, 1),
    (_refused, {"a", "b"}, {"greedy"}, 1),
    (
        lambda s: s.replace(["a"], [held("c", 0, 10, n1=2), held("d", 10, 30, n1=3)]),
        {"b", "c", "d"},
        {"a"},
        1,
    ),
)
#: Names that appear together or not at all.
TOGETHER = ({"a", "b"}, {"c", "d"})


def work(store: Store, acknowledge: Callable[[int], None], first: int = 0) -> None:
    """Make the changes one after the other."""
    for number, (change, *_) in enumerate(STEPS[first:], start=first):
        change(store)
        acknowledge(number)


class Child:
    """A forked process that runs ``act``; what it says comes back line by line."""

    def __init__(self, act: Callable[[Callable[[bytes], None]], None]) -> None:
        inlet, outlet = os.pipe()
        self._process = os.fork()
        if self._process == 0:
            code = 1
            try:
                os.close(inlet)
                act(lambda line: os.write(outlet, line + b"\n") and None)
                code = 0
            finally:
                os._exit(code)
        os.close(outlet)
        self._said = os.fdopen(inlet, "rb")

    def wait(self) -> tuple[int, list[bytes]]:
        """Return its exit status, and what it said before it ended."""
        with self._said as said:
            lines = said.read().split()
        return os.waitpid(self._process, 0)[1], lines


def killed_at(url: str, step: int) -> tuple[bool, int]:
    """Do the work in a process that is killed at its n-th step; was it, and how many changes it acknowledged.

    A step is before and after every statement, before every commit, and before every acknowledgement, which is
    the moment after a commit.
    """

    def act(say: Callable[[bytes], None]) -> None:
        left = [step]

        def tick(*_: object) -> None:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        for event in ("begin", "before_cursor_execute", "after_cursor_execute", "commit"):
            sqlalchemy.event.listen(sqlalchemy.Engine, event, tick)

        def acknowledge(number: int) -> None:
            tick()
            say(b"%d" % number)

        work(open_store(url), acknowledge)

    status, lines = Child(act).wait()
    if not os.WIFSIGNALED(status):
        assert status == 0, lines
    return os.WIFSIGNALED(status), len(lines)


def assert_not_overbooked(store: Store) -> None:
    there, capacity = store.reservations(), store.capacities()
    for moment in {r.start for r in there}:
        for resource in {name for r in there for name in r.holds}:
            used = sum(r.holds.get(resource, 0) for r in there if r.start <= moment < r.end)
            assert used <= capacity[resource], (resource, moment)
