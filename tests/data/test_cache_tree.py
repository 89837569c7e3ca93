"""Building trees of caches, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

from hal.data import Cache, CacheTree
from hal.errors import InvalidModel
from tests.data.data_strategies import built, trees
from tests.data.plain_content import PlainTree

YAML = """
caches:
  - {name: origin, capacity: 1PiB}
  - name: site
    parent: origin
    capacity: 100TiB
    bandwidth: 10Gbit/s
    latency: 20ms
    egress: 0.05
  - {name: rack-2, parent: site, capacity: 10TB, nodes: [n3]}
  - {name: rack-1, parent: site, capacity: 10TB, bandwidth: 100Gbit/s, nodes: [n1, n2]}
"""


@given(trees())
def test_routes_agree_with_the_twin(plain: PlainTree) -> None:
    tree = built(plain)
    for source in range(len(tree)):
        for target in range(len(tree)):
            route = [int(name) for name in tree.route(str(source), str(target))]
            assert route == plain.route(source, target)


def test_yaml_text_and_file(tmp_path: Path) -> None:
    file = tmp_path / "caches.yaml"
    file.write_text(YAML)
    for tree in (CacheTree.from_yaml(YAML), CacheTree.from_yaml(file), CacheTree.from_yaml(str(file))):
        assert tree.names == ("origin", "site", "rack-2", "rack-1")
        assert tree.capacity.tolist() == [2**50, 100 * 2**40, 10**13, 10**13]
        assert tree.nearest_cache(["n2", "n3", "n1"]).tolist() == [3, 2, 3]
        assert tree.route("rack-1", "rack-2") == ("rack-1", "site", "rack-2")


def test_the_capacity_column_cannot_be_written() -> None:
    capacity = np.array([5, 6])
    tree = CacheTree.from_arrays([-1, 0], capacity, [1000, 1000])
    capacity[0] = 7
    assert tree.capacity.tolist() == [5, 6]
    with pytest.raises(ValueError, match="read-only"):
        tree.capacity[0] = 1


def root(**changes: object) -> Cache:
    return Cache(**{"name": "root", "capacity": "1TiB", **changes})


def leaf(**changes: object) -> Cache:
    return Cache(**{"name": "leaf", "capacity": "1TiB", "parent": "root", **changes})


@pytest.mark.parametrize(
    ("caches", "words"),
    [
        ([], "at least one cache"),
        ([root(), root()], "cache 'root': there are two of this name"),
        ([root(), leaf(parent="rot")], "cache 'leaf': its parent 'rot' is not in the tree"),
        ([root(), root(name="other")], "cache 'other': a second root beside cache 'root'"),
        ([root(parent="leaf"), leaf()], "its parents form a cycle"),
        (
            [root(), leaf(name="a", parent="b"), leaf(name="b", parent="a")],
            "cache 'a': its parents form a cycle",
        ),
        ([root(), leaf(parent="leaf")], "cache 'leaf': its parents form a cycle"),
        ([root(), leaf(bandwidth=0)], "cache 'leaf': bandwidth in bytes/s is 0, must be within 1000"),
        ([root(), leaf(bandwidth="10GiB")], "cache 'leaf': bandwidth is '10GiB': give"),
        ([root(), leaf(latency=-1)], "cache 'leaf': latency is -1: must not be negative"),
        ([root(), leaf(latency="30d")], "cache 'leaf': latency in microseconds is 2592000000000"),
        ([root(), leaf(egress=51)], "cache 'leaf': egress in micro-units per GiB is 51000000"),
        ([root(), leaf(egress=float("nan"))], "cache 'leaf': egress is nan: must be finite"),
        ([root(capacity="9PiB")], "cache 'root': capacity in bytes is 10133099161583616"),
        ([root(capacity=True)], "cache 'root': capacity is True"),
        ([root(capacity="5 5")], "cache 'root': capacity is '5 5'"),
        ([root(nodes=["n"]), leaf(nodes=["n"])], "node 'n': attached to 'root' and to 'leaf'"),
        (
            [root(name="0")] + [leaf(name=str(i), parent=str(i - 1)) for i in range(1, 66)],
            "deeper than 64 levels",
        ),
    ],
)
def test_refusals_name_the_cache(caches: list[Cache], words: str) -> None:
    with pytest.raises(InvalidModel, match=words):
        CacheTree(caches)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("caches:\n  - {name: a, capacity: 1, speed: 3}\n", "cache 'a': unknown field 'speed'"),
        ("caches:\n  - {name: a}\n", "cache 'a': has no capacity"),
        ("caches:\n  - {capacity: 3}\n", r"caches\[0\]: must be a mapping with at least"),
        ("caches:\n  - {name: a, capacity: 1, nodes: n1}\n", "cache 'a': nodes must be a list"),
        ("caches: 3\n", "must be a list of caches"),
        ("caches: []\nracks: []\n", "unknown section 'racks'"),
        ("contents: {}\n", "has no section 'caches'"),
        ("caches: [\n", "not YAML"),
        ("- a\n", "must be a mapping"),
        ("/no/such/file.yaml", "cannot be read"),
    ],
)
def test_yaml_refusals(text: str, words: str) -> None:
    with pytest.raises(InvalidModel, match=words):
        CacheTree.from_yaml(text)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"parent": [-1, 2]}, "parent is 2, must be within -1 and 1"),
        ({"parent": [-1.0, 0.0]}, "parent: is of float64, must be int32"),
        ({"capacity": [1]}, "capacity: has 1 rows, must be 2"),
        ({"capacity": [1, -1]}, "cache '1': capacity in bytes is -1"),
        ({"names": ["a", "a"]}, "2 different names"),
    ],
)
def test_array_refusals(change: dict[str, object], words: str) -> None:
    good: dict[str, object] = {"parent": [-1, 0], "capacity": [1, 1], "bandwidth": [1000, 1000]}
    with pytest.raises(InvalidModel, match=words):
        CacheTree.from_arrays(**{**good, **change})


def test_a_node_without_a_cache() -> None:
    with pytest.raises(InvalidModel, match="node 'n9': attached to no cache"):
        CacheTree([root()]).nearest_cache(["n9"])
