"""The content map against its plain twin, and what it refuses."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.data import ADDED, EVICTED, Cache, CacheTree, ContentMap, transfers
from hal.errors import InvalidModel
from tests.data.data_strategies import DATASETS, built, events, trees
from tests.data.plain_content import PlainContent, PlainTree


def columns(rows: list[tuple[int, int, int, int]]) -> dict[str, np.ndarray]:
    table = np.array(rows, np.int64).reshape(-1, 4)
    return {
        "change": table[:, 0].astype(np.uint8),
        "dataset": table[:, 1].astype(np.int32),
        "cache": table[:, 2].astype(np.int32),
        "size": np.ascontiguousarray(table[:, 3]),
    }


def state(content: ContentMap) -> object:
    tree = content.tree
    return (
        {name: content.contents(name) for name in tree.names},
        [content.where(d) for d in range(len(content))],
        [content.size(d) for d in range(len(content)) if content.where(d)],
        content.used.tolist(),
    )


def plain_state(plain: PlainContent, n_datasets: int) -> object:
    caches = range(len(plain.tree.parent))
    holds = {d: sorted(plain.held.get(d, ())) for d in range(n_datasets)}
    return (
        {str(c): {f"#{d}": plain.size[d] for d in holds if c in holds[d]} for c in caches},
        [tuple(str(c) for c in holds[d]) for d in holds],
        [plain.size[d] for d in holds if holds[d]],
        [plain.used(c) for c in caches],
    )


def apply_plain(plain: PlainContent, rows: list[tuple[int, int, int, int]]) -> bool:
    size, held = dict(plain.size), {d: set(c) for d, c in plain.held.items()}
    for change, dataset, cache, bytes_ in rows:
        if change == EVICTED:
            plain.evict(dataset, cache)
        elif not plain.add(dataset, cache, bytes_):
            plain.size, plain.held = size, held
            return False
    return True


@given(trees(), st.data())
def test_batches_agree_with_the_twin_and_refused_ones_change_nothing(
    tree: PlainTree, data: st.DataObject
) -> None:
    content, plain = ContentMap(built(tree)), PlainContent(tree)
    content.new_datasets(DATASETS)
    for _ in range(3):
        rows = data.draw(events(len(tree.parent)))
        if apply_plain(plain, rows):
            content.apply(**columns(rows))
        else:
            before = content.version
            with pytest.raises(InvalidModel, match="event"):
                content.apply(**columns(rows))
            assert content.version == before
        assert state(content) == plain_state(plain, DATASETS)


@given(trees(), st.data())
def test_an_inventory_replaces_what_a_cache_held(tree: PlainTree, data: st.DataObject) -> None:
    content, plain = ContentMap(built(tree)), PlainContent(tree)
    content.new_datasets(DATASETS)
    n = len(tree.parent)
    first = data.draw(events(n))
    if apply_plain(plain, first):
        content.apply(**columns(first))
    cache = data.draw(st.integers(0, n - 1))
    ids = data.draw(st.lists(st.integers(0, DATASETS - 1), unique=True))
    sizes = [data.draw(st.sampled_from([7 * (d % 3), 30])) for d in ids]
    rows = [(EVICTED, d, cache, 0) for d in range(DATASETS)] + [
        (ADDED, d, cache, s) for d, s in zip(ids, sizes, strict=True)
    ]
    if apply_plain(plain, rows):
        content.replace_arrays(cache, np.array(ids, np.int32), np.array(sizes, np.int64))
    else:
        with pytest.raises(InvalidModel, match="inventory row"):
            content.replace_arrays(cache, np.array(ids, np.int32), np.array(sizes, np.int64))
    assert state(content) == plain_state(plain, DATASETS)


@pytest.fixture
def content() -> ContentMap:
    tree = CacheTree(
        [Cache(name="origin", capacity=1000), Cache(name="rack", parent="origin", capacity=100, nodes=["n1"])]
    )
    content = ContentMap(tree)
    content.add("base", "origin", 80)
    return content


def test_names(content: ContentMap) -> None:
    content.add("base", "rack", "80B")
    assert content.where("base") == ("origin", "rack")
    assert content.contents("rack") == {"base": 80}
    content.replace("rack", {"new": 60, "other": 40})
    assert content.contents("rack") == {"new": 60, "other": 40}
    content.evict("new", "rack")
    assert content.size("new") == 60
    assert content.where("new") == ()


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (
            lambda c: c.add("big", "rack", 101),
            "event 0: dataset 'big' in cache 'rack'.*over capacity: 100 are free",
        ),
        (lambda c: c.add("huge", "rack", 1001), "more than any cache of the tree can hold"),
        (lambda c: c.add("base", "rack", 81), "other caches hold it with 80; name a new"),
        (lambda c: c.add("base", "rack", -1), "size is -1: must not be negative"),
        (lambda c: c.add("base", "shelf", 1), "cache 'shelf': not in the tree"),
        (lambda c: c.evict("nothing", "rack"), "dataset 'nothing': unknown"),
        (lambda c: c.replace("rack", {"a": 60, "b": 60}), "row 1: dataset 'b'.*over capacity: 40 are free"),
        (lambda c: c.replace_arrays(1, [0, 0], [80, 80]), "listed twice"),
        (lambda c: c.replace_arrays(9, [0], [80]), "cache 9: not one of"),
        (lambda c: c.replace_arrays(1, [0], [-80]), "size -80 must be within"),
        (lambda c: c.apply(change=[2], dataset=[0], cache=[0], size=[80]), "change 2 is neither"),
        (lambda c: c.apply(change=[0], dataset=[7], cache=[0], size=[80]), "dataset 7 is unknown"),
        (lambda c: c.apply(change=[0], dataset=[0], cache=[-1], size=[80]), "cache -1 is unknown"),
        (
            lambda c: c.apply(change=[0], dataset=[0], cache=[0], size=[80.5]),
            "size: is of float64, must be int64",
        ),
        (
            lambda c: c.apply(change=[0, 0], dataset=[0], cache=[0], size=[80]),
            "dataset: has 1 rows, must be 2",
        ),
        (lambda c: c.apply(change=[0], dataset=[2**40], cache=[0], size=[80]), "does not fit int32"),
        (lambda c: c.apply(change=[[0]], dataset=[0], cache=[0], size=[80]), "2 dimensions"),
        (lambda c: c.new_datasets(-1), "count is -1"),
        (lambda c: c.intern([""]), "non-empty text"),
        (lambda c: c.where("nothing"), "unknown"),
    ],
)
def test_refusals_name_the_culprit_and_change_nothing(content: ContentMap, act: object, words: str) -> None:
    before, version, known = state(content), content.version, len(content)
    with pytest.raises(InvalidModel, match=words):
        act(content)
    assert (state(content), content.version, len(content)) == (before, version, known)


def test_events_and_questions_from_two_threads(content: ContentMap) -> None:
    ids = content.intern([f"d{i}" for i in range(50)])
    zeros, ones = np.zeros(50, np.uint8), np.ones(50, np.uint8)
    cache, size = np.ones(50, np.int32), np.full(50, 2)
    seen: set[int] = set()

    def churn() -> None:
        for _ in range(200):
            content.apply(change=zeros, dataset=ids, cache=cache, size=size)
            content.apply(change=ones, dataset=ids, cache=cache, size=size)

    thread = threading.Thread(target=churn)
    thread.start()
    while thread.is_alive():
        found = transfers(content, ids, cache)
        seen.add(int((found.source == 1).sum()))
    thread.join()
    assert seen <= {0, 50}  # a batch is seen whole or not at all


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("contents:\n  rack: [base]\n", "must map each dataset to its size"),
        ("contents:\n  shelf: {base: 80}\n", "cache 'shelf': not in the tree"),
        ("contents:\n  rack: {base: lots}\n", "dataset 'base': size is 'lots'"),
        ("contents: 3\n", "must map each cache"),
    ],
)
def test_yaml_refusals(content: ContentMap, text: str, words: str) -> None:
    with pytest.raises(InvalidModel, match=words):
        ContentMap.from_yaml(content.tree, text)


def test_yaml(content: ContentMap) -> None:
    loaded = ContentMap.from_yaml(
        content.tree, "contents:\n  rack: {base: 80B, extra: 20}\n  origin: {base: 80}\n"
    )
    assert loaded.where("base") == ("origin", "rack")
    assert loaded.used.tolist() == [80, 100]
