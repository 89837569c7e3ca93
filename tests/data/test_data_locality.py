"""The DataLocality scorer against plain sums over the twin's transfers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hal
from hal.data import Cache, CacheTree, ContentMap
from hal.errors import InvalidModel, PolicyError
from hal.policies import BestFit, DataLocality
from tests.data.data_strategies import DATASETS, built, trees
from tests.data.plain_content import PlainContent, PlainTree


def expected(plain: PlainContent, inputs: list[int], caches: list[int], *, money: bool) -> list[float]:
    """Score of each node by the formula."""

    def total(cache: int) -> float:
        found = [plain.nearest(d, cache) for d in set(inputs)]
        return float(sum((f[3] if money else f[1]) for f in found if f[0] >= 0))

    worst = max(total(c) for c in caches if c >= 0) if any(c >= 0 for c in caches) else 0.0
    if not inputs:
        return [1.0] * len(caches)
    return [0.0 if c < 0 else (worst - total(c)) / worst if worst else 1.0 for c in caches]


@given(trees(max_size=6), st.data(), st.booleans())
def test_scores_by_the_formula(tree: PlainTree, data: st.DataObject, money: bool) -> None:
    n = len(tree.parent)
    tree.capacity[:] = [1000] * n
    plain, content = PlainContent(tree), ContentMap(built(tree))
    names = [f"d{d}" for d in range(DATASETS)]
    content.intern(names)
    for d, size in enumerate([0, 7, 14, 14, 30]):  # the sixth is nowhere
        for cache in data.draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=3)):
            plain.add(d, cache, size)
            content.add(names[d], str(cache), size)
    caches = data.draw(st.lists(st.integers(-1, n - 1), min_size=1, max_size=5))
    inputs = data.draw(st.lists(st.integers(0, DATASETS - 1), max_size=4))
    cluster = hal.Cluster([hal.Node(f"n{i}", cpus=4) for i in range(len(caches))])
    policy = hal.Policy(
        [DataLocality(content, caches=np.array(caches, np.int32), value="money" if money else "seconds")]
    )
    want = expected(plain, inputs, caches, money=money)
    job = hal.Job("j", cpus=1, inputs=[names[d] for d in inputs])
    placed = hal.place(cluster, [job], policy=policy)[0]
    best = max(want)
    assert placed.nodes == (f"n{next(i for i, s in enumerate(want) if s >= best - 2**-31)}",)
    assert placed.scores[0] == pytest.approx(best, abs=1e-6)


@pytest.fixture
def content() -> ContentMap:
    tree = CacheTree(
        [
            Cache(name="origin", capacity="1PiB"),
            Cache(name="rack-1", parent="origin", capacity="1TB", bandwidth="1GB/s", nodes=["n1", "n2"]),
            Cache(name="rack-2", parent="origin", capacity="1TB", bandwidth="1GB/s", nodes=["n3"]),
        ]
    )
    content = ContentMap(tree)
    content.add("text", "origin", "100GB")
    content.add("text", "rack-2", "100GB")
    return content


@pytest.fixture
def cluster() -> hal.Cluster:
    return hal.Cluster([hal.Node(f"n{i}", cpus=2) for i in (1, 2, 3)])


def nodes(cluster: hal.Cluster, policy: hal.Policy, count: int, **fields: object) -> list[str]:
    jobs = [hal.Job(f"j{i}", cpus=1, **fields) for i in range(count)]
    return [placement.nodes[0] for placement in hal.place(cluster, jobs, policy=policy)]


def test_jobs_go_to_their_data_and_then_beside_it(content: ContentMap, cluster: hal.Cluster) -> None:
    policy = hal.Policy([DataLocality(content)])
    assert nodes(cluster, policy, 4, inputs=["text"]) == ["n3", "n3", "n1", "n1"]
    assert nodes(cluster, policy, 2) == ["n1", "n1"]


def test_new_contents_are_seen(content: ContentMap, cluster: hal.Cluster) -> None:
    policy = hal.Policy({DataLocality(content): 10, BestFit(): 1})
    assert nodes(cluster, policy, 1, inputs=["text"]) == ["n3"]
    content.evict("text", "rack-2")
    content.add("text", "rack-1", "100GB")
    assert nodes(cluster, policy, 1, inputs=["text"]) == ["n1"]


def test_equal_empty_nodes_are_told_apart_after_releases(content: ContentMap, cluster: hal.Cluster) -> None:
    policy = hal.Policy([DataLocality(content, caches={"n2": "rack-2", "n1": "rack-1"})])
    placements = hal.place(cluster, hal.Job("j", cpus=1, inputs=["text"]), policy=policy, apply=True)
    assert placements[0].nodes == ("n2",)
    cluster.release("j")
    assert nodes(cluster, policy, 1, inputs=["text"]) == ["n2"]
    cluster.remove("n2")
    assert nodes(cluster, policy, 1, inputs=["text"]) == ["n1"]


def test_shapes_with_other_inputs_are_other_shapes() -> None:
    one, two = (hal.Job("j", cpus=1, inputs=inputs) for inputs in (["a"], ["b"]))
    assert one._shape() != two._shape()
    assert one._shape() == hal.Job("k", cpus=1, inputs=["a", "a"])._shape()


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"value": "time"}, PolicyError, "value = 'time'"),
        ({"caches": np.zeros(3, np.int64)}, PolicyError, "caches: is int64"),
        ({"caches": np.array([3], np.int32)}, InvalidModel, "caches: 3 is no cache of the tree"),
        ({"caches": {"n1": "shelf"}}, InvalidModel, "cache 'shelf': not in the tree"),
    ],
)
def test_refusals(
    content: ContentMap, options: dict[str, object], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        DataLocality(content, **options)


def test_inputs_must_have_names() -> None:
    with pytest.raises(InvalidModel, match="inputs"):
        hal.Job("j", cpus=1, inputs=[""])
