"""The nearest source against a scan of every holder."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.data import EVICTED, Cache, CacheTree, ContentMap, nearest, transfers
from hal.errors import InvalidModel
from tests.data.data_strategies import DATASETS, built, events, trees
from tests.data.plain_content import PlainContent, PlainTree


@given(trees(), st.data())
def test_agrees_with_the_scan(tree: PlainTree, data: st.DataObject) -> None:
    n = len(tree.parent)
    content, plain = ContentMap(built(tree)), PlainContent(tree)
    content.new_datasets(DATASETS)
    for change, dataset, cache, size in data.draw(events(n)):
        if change != EVICTED and plain.add(dataset, cache, size):
            content.apply(change=[change], dataset=[dataset], cache=[cache], size=[size])
    datasets, caches = np.meshgrid(np.arange(DATASETS, dtype=np.int32), np.arange(n, dtype=np.int32))
    found = transfers(content, datasets.ravel(), caches.ravel())
    rows = zip(
        *(column.tolist() for column in (found.source, found.micros, found.bytes, found.cost)), strict=True
    )
    pairs = zip(datasets.ravel().tolist(), caches.ravel().tolist(), strict=True)
    assert list(rows) == [plain.nearest(d, c) for d, c in pairs]


def test_the_figures_at_their_limits_do_not_overflow() -> None:
    n = 65
    top = {"capacity": 2**53, "bandwidth": 1000, "latency": 10**12, "egress": 50 * 10**6}
    plain = PlainTree(list(range(-1, n - 1)), *([value] * n for value in top.values()))
    content = ContentMap(built(plain))
    content.new_datasets(1)
    content.apply(change=[0], dataset=[0], cache=[0], size=[2**53])
    twin = PlainContent(plain)
    twin.add(0, 0, 2**53)
    found = transfers(content, [0], [n - 1])
    assert (0, int(found.micros[0]), 2**53, int(found.cost[0])) == twin.nearest(0, n - 1)


@pytest.fixture
def content() -> ContentMap:
    tree = CacheTree(
        [
            Cache(name="origin", capacity="1PiB"),
            Cache(
                name="site", parent="origin", capacity="1PiB", bandwidth="10GB/s", latency="20ms", egress=0.05
            ),
            Cache(name="a", parent="site", capacity="1TiB", bandwidth="1GB/s", latency="1ms"),
            Cache(name="b", parent="site", capacity="1TiB", bandwidth="1GB/s", latency="1ms", egress=0.01),
        ]
    )
    content = ContentMap(tree)
    content.add("d", "origin", "10GiB")
    return content


def test_route_time_and_cost(content: ContentMap) -> None:
    far = nearest(content, "d", "a")
    assert far is not None
    assert far.route == ("origin", "site", "a")
    assert far.seconds == pytest.approx(0.021 + 10 * 2**30 / 1e9, abs=1e-6)
    assert far.cost == 0.5
    content.add("d", "b", "10GiB")
    near = nearest(content, "d", "a")
    assert near is not None
    assert (near.route, near.cost) == (("b", "site", "a"), 0.1)
    content.add("d", "a", "10GiB")
    here = nearest(content, "d", "a")
    assert here is not None
    assert (here.route, here.seconds, here.bytes, here.cost) == (("a",), 0, 0, 0)


def test_a_dataset_in_no_cache_has_no_source(content: ContentMap) -> None:
    content.evict("d", "origin")
    assert nearest(content, "d", "a") is None
    assert transfers(content, ["d"], ["a"]).source.tolist() == [-1]
    assert len(transfers(content, [], [])) == 0


@pytest.mark.parametrize(
    ("datasets", "caches", "words"),
    [
        (["e"], ["a"], "dataset 'e': unknown"),
        (["d"], ["z"], "cache 'z': not in the tree"),
        ([1], [0], r"datasets\[0\]: 1 is not one of 0 … 0"),
        ([0], [4], r"caches\[0\]: 4 is not one of 0 … 3"),
        ([0, 0], [0], "caches: has 1 rows, datasets has 2"),
        ([0.5], [0], "datasets: is of float64"),
    ],
)
def test_refusals(content: ContentMap, datasets: list[object], caches: list[object], words: str) -> None:
    with pytest.raises(InvalidModel, match=words):
        transfers(content, datasets, caches)
