"""The store on SQLite and PostgreSQL: its contract, killed writers, writers at the same time."""

from __future__ import annotations

import contextlib
import itertools
import os
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hal.errors import HalError, InvalidModel
from hal.store import CONTRACT, Conflict, Reservation, Store, open_store
from tests.store.crash import (
    CAPACITY,
    STEPS,
    TOGETHER,
    Child,
    assert_not_overbooked,
    held,
    killed_at,
    work,
)


@pytest.mark.slow
def test_a_process_killed_at_any_step_loses_and_doubles_nothing(fresh):
    whole = open_store(fresh())
    work(whole, lambda _: None)
    reservations, limits = whole.reservations(), whole.quotas()["team"].limits
    whole.close()
    for step in itertools.count(1):
        url = fresh()
        died, acknowledged = killed_at(url, step)
        store = open_store(url)
        there = {r.name for r in store.reservations()}
        _, present, gone, version = STEPS[acknowledged - 1] if acknowledged else (None, set(), set(), 0)
        after = STEPS[min(acknowledged, len(STEPS) - 1)]  # the change that was under way may have been made
        assert present <= there or there >= after[1]
        assert not gone & there
        assert all(not names & there or names <= there or names - there <= after[2] for names in TOGETHER)
        quotas = store.quotas()
        assert (quotas["team"].version if quotas else 0) in (version, after[3])
        assert_not_overbooked(store)
        # Whoever was killed comes back and repeats what was not acknowledged.
        if acknowledged < len(STEPS):
            work(store, lambda _: None, first=acknowledged)
        assert store.reservations() == reservations
        assert store.quotas()["team"].limits == limits
        store.close()
        if not died:
            break
    assert step > 40  # every statement of every change was a place to die


def test_writers_at_the_same_time_never_double_book(fresh):
    url = fresh()
    with_room = open_store(url)
    with_room.declare({"gpus": 5})
    with_room.close()

    def act(say):
        store = open_store(url)
        rng = random.Random(os.getpid())
        for number in range(15):
            begin = rng.randrange(0, 40)
            name = f"{os.getpid()}-{number}"
            try:
                store.reserve([Reservation(name, start=begin, end=begin + 10, holds={"gpus": 2})])
            except Conflict:
                continue
            say(name.encode())

    outcomes = [child.wait() for child in [Child(act), Child(act)]]
    assert [status for status, _ in outcomes] == [0, 0]
    said = {line.decode() for _, lines in outcomes for line in lines}
    store = open_store(url)
    assert_not_overbooked(store)
    assert {r.name for r in store.reservations()} == said
    store.close()


@pytest.mark.slow
def test_a_database_server_that_crashes_keeps_what_was_accepted(postgres):
    store = open_store(postgres.fresh())
    work(store, lambda _: None)
    before = store.reservations()
    postgres.stop("immediate")
    with pytest.raises(HalError, match="store: "):
        store.reserve([held("lost", 0, 1, n1=1)])
    postgres.start()
    assert store.reservations() == before
    store.close()


def test_contract(fresh):
    store = open_store(fresh())
    assert isinstance(store, Store)
    assert store.contract == CONTRACT
    store.declare(CAPACITY)
    assert store.capacities() == CAPACITY
    first = held("first", 0, 10, n1=4)
    store.reserve([first])
    store.reserve([first])  # again is no change
    with pytest.raises(Conflict, match="'first' is reserved already"):
        store.reserve([held("first", 0, 11, n1=4)])
    with pytest.raises(Conflict, match="'more': 'n1/gpus' has 4, and at 9 5 would be held"):
        store.reserve([held("fine", 0, 1, n2=1), held("more", 9, 12, n1=1)])
    store.reserve([held("next", 10, 12, n1=4)])  # what ends makes room
    assert [r.name for r in store.reservations()] == ["first", "next"]
    assert store.reservations(10, 11) == [held("next", 10, 12, n1=4)]
    with pytest.raises(Conflict):
        store.declare({"n1/gpus": 3})
    assert store.capacities() == CAPACITY
    assert store.cancel(["first", "never"]) == 1
    with pytest.raises(InvalidModel, match="'n3/gpus', which is not declared"):
        store.reserve([held("x", 0, 1, n3=1)])
    assert store.set_quota("team", {"gpus": 3}, version=0).version == 1
    with pytest.raises(Conflict, match="is at version 1, not 0"):
        store.set_quota("team", {"gpus": 4}, version=0)
    assert store.set_quota("team", {"gpus": 5}).version == 2
    assert store.quotas() == {"team": ({"gpus": 5}, 2)}
    store.close()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: open_store("mysql://host/db"), "give sqlite:///file.db or postgresql"),
        (lambda s: open_store("sqlite://"), "survives no crash"),
        (lambda s: open_store("x.db", timeout=-1), "timeout = -1"),
        (lambda s: s.declare({"gpus": -1}), r"capacities\['gpus'\] = -1"),
        (lambda s: s.reserve([held("a", 0, 1, n1=1)] * 2), "a name comes twice"),
        (lambda s: held("a", 3, 3), "end = 3: must be after start = 3"),
        (lambda s: held("a", 0, 1, n1=0), "holds"),
    ],
)
def test_bad_input(tmp_path, call, message):
    with (
        contextlib.closing(open_store(str(tmp_path / "a.db"))) as store,
        pytest.raises(InvalidModel, match=message),
    ):
        call(store)


class Twin:
    """The store as a list."""

    def __init__(self, capacity: int) -> None:
        self.capacity, self.there = capacity, {}

    def reserve(self, batch):
        trial = dict(self.there)
        for name, start, end, amount in batch:
            if trial.setdefault(name, (start, end, amount)) != (start, end, amount):
                return False
        for second in range(20):
            if sum(a for s, e, a in trial.values() if s <= second < e) > self.capacity:
                return False
        self.there = trial
        return True


batches = st.lists(
    st.lists(
        st.tuples(st.sampled_from("abcdef"), st.integers(0, 9), st.integers(1, 9), st.integers(1, 3)).map(
            lambda t: (t[0], t[1], t[1] + t[2], t[3])
        ),
        max_size=3,
        unique_by=lambda t: t[0],
    ),
    max_size=8,
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches)
def test_agrees_with_twin(tmp_path_factory, work):
    twin = Twin(4)
    with contextlib.closing(open_store(str(tmp_path_factory.mktemp("store") / "a.db"))) as store:
        store.declare({"gpus": 4})
        for batch in work:
            asked = [Reservation(n, start=s, end=e, holds={"gpus": a}) for n, s, e, a in batch]
            try:
                store.reserve(asked)
                accepted = True
            except Conflict:
                accepted = False
            assert accepted == twin.reserve(batch)
        found = {r.name: (r.start, r.end, r.holds["gpus"]) for r in store.reservations()}
        assert found == twin.there
