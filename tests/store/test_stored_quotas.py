"""Quotas that come from a store: what is read, what is refused, and what placing makes of it."""

from __future__ import annotations

import contextlib
import os
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hal
from hal.errors import InvalidModel
from hal.store import Conflict, Quota, StoredQuotas, open_store
from tests.store.crash import Child

GPUS = st.integers(0, 6)


class Memory:
    """The quotas of a store without a database."""

    contract = (1, 1)

    def __init__(self) -> None:
        self.rows: dict[str, Quota] = {}

    def quotas(self):
        return dict(self.rows)

    def set_quota(self, queue, limits, *, version=None, check=None):
        found = self.rows.get(queue, Quota({}, 0)).version
        if version not in (None, found):
            raise Conflict("somebody was first")
        rows = {**self.rows, queue: Quota(dict(limits), found + 1)}
        if check is not None:
            check(rows)
        self.rows = rows
        return self.rows[queue]


def lab(changed=()) -> list[hal.Queue]:
    """A lab of two users, with other (maximum, guarantee) for the queues named."""
    figures = {"lab": (8, 0), "ann": (6, 2), "bob": (8, 2), **dict(changed)}
    return [
        hal.Queue(
            name,
            parent="" if name == "lab" else "lab",
            maximum={"gpus": figures[name][0]},
            guarantee={"gpus": figures[name][1]} if figures[name][1] else {},
        )
        for name in ("lab", "ann", "bob")
    ]


@given(
    st.lists(
        st.tuples(st.sampled_from(["lab", "ann", "bob"]), st.integers(1, 9), st.integers(1, 6)), max_size=8
    )
)
def test_every_change_is_the_tree_built_anew_or_nothing(changes):
    store, now = Memory(), {}
    quotas, other = (StoredQuotas(store, hal.QueueTree(lab())) for _ in range(2))
    for queue, maximum, guarantee in changes:
        then = {**now, queue: (maximum, guarantee)}
        rows = store.quotas()
        try:
            wanted = list(hal.QueueTree(lab(then)))
        except InvalidModel:
            with pytest.raises(InvalidModel):
                quotas.change(queue, maximum={"gpus": maximum}, guarantee={"gpus": guarantee})
            assert store.quotas() == rows
            continue
        now = then
        tree = quotas.change(queue, maximum={"gpus": maximum}, guarantee={"gpus": guarantee})
        assert list(tree) == wanted == list(other.tree())
        assert quotas.tree() is tree


def test_on_a_real_store_placing_keeps_to_what_was_stored(tmp_path):
    with contextlib.closing(open_store(str(tmp_path / "quotas.db"))) as store:
        quotas = StoredQuotas(store, hal.QueueTree(lab()))
        cluster = hal.Cluster([hal.Node("n", cpus=8, gpus=hal.gpus(8, "A100"))])
        jobs = [hal.Job(f"j{i}", gpus=1, queue="ann") for i in range(8)]

        def placed() -> int:
            answers = hal.place(cluster, jobs, queues=quotas.tree())
            return sum(answer.status is hal.Status.PLACED for answer in answers)

        assert placed() == 6
        quotas.change("ann", maximum={"gpus": 3})
        assert placed() == 3
        store.set_quota("lab", {"gpus": 5})
        assert quotas.tree()["lab"].maximum == {"gpus": 5}
        quotas.change("ann", maximum={"gpus": 8}, guarantee={"gpus": 1})
        assert placed() == 5


def test_parts_that_are_not_named_stay():
    quotas = StoredQuotas(Memory(), hal.QueueTree(lab()))
    quotas.change("ann", guarantee={"gpus": 1})
    quotas.change("ann", maximum={"gpus": 5, "cpus": 3})
    tree = quotas.change("ann", guarantee={"gpus": 3})
    assert (tree["ann"].maximum, tree["ann"].guarantee) == ({"gpus": 5, "cpus": 3}, {"gpus": 3})


def test_who_was_second_changes_nothing():
    store = Memory()
    quotas = StoredQuotas(store, hal.QueueTree(lab()))
    read = store.quotas
    store.quotas = lambda: {}  # as it was before the other's change
    store.set_quota("ann", {"gpus": 4})
    with pytest.raises(Conflict):
        quotas.change("ann", maximum={"gpus": 5})
    store.quotas = read
    assert quotas.tree()["ann"].maximum == {"gpus": 4}


class Late:
    """A store before whose every change of a quota somebody else changes another."""

    def __init__(self, store, first) -> None:
        self.store, self.first = store, first
        self.quotas, self.contract = store.quotas, store.contract

    def set_quota(self, queue, limits, **options):
        self.first()
        return self.store.set_quota(queue, limits, **options)


def test_changes_of_two_queues_at_once_add_up(fresh):
    url = fresh()
    with contextlib.closing(open_store(url)) as one, contextlib.closing(open_store(url)) as two:
        bob = StoredQuotas(two, hal.QueueTree(lab()))
        late = Late(one, lambda: bob.change("bob", guarantee={"gpus": 5}))
        ann = StoredQuotas(late, hal.QueueTree(lab()))  # 5 + 4 would be over the 8 of both
        with pytest.raises(InvalidModel, match=r"lab.*9"):
            ann.change("ann", guarantee={"gpus": 4})
        assert ann.tree()["ann"].guarantee == {"gpus": 2}
        assert ann.tree()["bob"].guarantee == {"gpus": 5}
        assert list(one.quotas()) == ["bob"]


def test_a_store_of_the_first_contract_is_asked_for_no_more_than_it_knows():
    class First(Memory):
        contract = (1, 0)

        def set_quota(self, queue, limits, *, version=None):
            return super().set_quota(queue, limits, version=version)

    quotas = StoredQuotas(First(), hal.QueueTree(lab()))
    assert quotas.change("ann", maximum={"gpus": 7})["ann"].maximum == {"gpus": 7}
    with pytest.raises(InvalidModel, match="ann"):
        quotas.change("ann", maximum={"gpus": 1})


def test_two_writers_who_change_what_they_like_always_add_up(fresh):
    url = fresh()
    open_store(url).close()

    def act(say):
        quotas = StoredQuotas(open_store(url), hal.QueueTree(lab()))
        rng = random.Random(os.getpid())
        for _ in range(12):
            queue, amount = rng.choice(["ann", "bob"]), rng.randrange(1, 7)
            try:
                quotas.change(queue, guarantee={"gpus": amount}, maximum={"gpus": max(amount, 6)})
            except (InvalidModel, Conflict):
                continue
            say(b"changed")

    outcomes = [child.wait() for child in [Child(act), Child(act)]]
    assert [status for status, _ in outcomes] == [0, 0]
    assert all(said for _, said in outcomes)
    with contextlib.closing(open_store(url)) as store:
        tree = StoredQuotas(store, hal.QueueTree(lab())).tree()
        assert sum(tree[user].guarantee["gpus"] for user in ("ann", "bob")) <= 8


@pytest.mark.parametrize(
    ("queue", "options", "message"),
    [
        ("eve", {"maximum": {"gpus": 1}}, "'eve'"),
        ("ann", {"maximum": {"gpus": 1.5}}, "whole numbers"),
        ("ann", {"guarantee": {"gpus": -1}}, "whole numbers"),
        ("ann", {"maximum": {"gpus": 1}}, "ann"),
        ("lab", {"maximum": {"gpus": 3}}, "lab"),
    ],
)
def test_what_does_not_add_up_is_not_stored(queue, options, message):
    store = Memory()
    with pytest.raises(InvalidModel, match=message):
        StoredQuotas(store, hal.QueueTree(lab())).change(queue, **options)
    assert store.rows == {}


def test_quotas_of_queues_that_are_not_there_are_named():
    store = Memory()
    quotas = StoredQuotas(store, hal.QueueTree(lab()))
    before = quotas.tree()
    store.set_quota("eve", {"gpus": 1})
    with pytest.raises(InvalidModel, match="'eve'"):
        quotas.tree()
    del store.rows["eve"]
    assert quotas.tree() is before
