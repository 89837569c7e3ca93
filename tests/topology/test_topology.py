import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hal
from hal.topology import Level, Topology, distances
from tests.topology import topology_twin as twin

RACKS = (["site", "rack"], [("s", "site", None), ("r1", "rack", "s"), ("r2", "rack", "s")])


def built(tree):
    levels, domains, nodes = tree
    return Topology([Level(name, distance=cost) for name, cost in levels], domains, nodes)


@given(twin.trees())
def test_distances_equal_the_twin(tree):
    topology = built(tree)
    matrix = topology.distances()
    assert matrix.dtype == np.int64
    assert matrix.tolist() == twin.distances(*tree)
    for a in list(tree[2])[:3]:
        for b in list(tree[2])[:3]:
            assert topology.distance(a, b) == matrix[topology.index(a), topology.index(b)]


@given(twin.trees(), st.data())
def test_matrix_of_any_selection_is_that_selection_of_the_whole(tree, data):
    topology = built(tree)
    chosen = data.draw(st.lists(st.sampled_from(topology.nodes), max_size=9)) if topology.nodes else []
    at = np.array([topology.index(node) for node in chosen], np.int32)
    whole = topology.distances()
    assert np.array_equal(topology.distances(chosen), whole[np.ix_(at, at)])
    assert np.array_equal(distances(topology, at.astype(np.uint8)), whole[np.ix_(at, at)])


@given(twin.trees())
def test_nodes_under_a_domain_are_one_range_of_the_order(tree):
    topology = built(tree)
    assert sorted(topology.node_order.tolist()) == list(range(len(topology)))
    for domain in topology.domains:
        inside = {node for node in topology.nodes if domain.name in topology.path(node)}
        assert set(topology.nodes_under(domain.name)) == inside
        positions = [k for k, i in enumerate(topology.node_order.tolist()) if topology.nodes[i] in inside]
        assert positions == list(range(min(positions, default=0), max(positions, default=-1) + 1))


@given(twin.trees())
def test_the_order_domains_are_given_in_does_not_matter(tree):
    levels, domains, nodes = tree
    assert np.array_equal(built(tree).distances(), built((levels, domains[::-1], nodes)).distances())


def test_three_figures():
    levels = [
        Level("site", distance=9, latency="1.5ms", bandwidth="10Gbit/s"),
        Level("rack", distance=1, latency=700, bandwidth="25GiB/s"),
    ]
    topology = Topology(levels, RACKS[1], {"a": "r1", "b": "r1", "c": "r2"})
    assert topology.distances().tolist() == [[0, 1, 9], [1, 0, 9], [9, 9, 0]]
    assert topology.latencies(["a", "b", "c"])[0].tolist() == [0, 700, 1_500_000]
    assert topology.bandwidths(["a", "b", "c"])[0].tolist() == [2**63 - 1, 25 * 1024, 1192]
    assert topology.common_level("a", "b") == "rack"
    assert topology.common_level("a", "c") == "site"
    assert topology.common_level("a", "a") is None


def test_a_node_may_hang_from_any_domain():
    topology = Topology(*RACKS, {"a": "r1", "login": "s"})
    assert topology.path("login") == ("s",)
    assert topology.distance("a", "login") == 4
    assert topology.nodes_under("s") == ("login", "a")


def test_pickle_and_equality():
    topology = Topology(*RACKS, {"a": "r1", "b": "r2"})
    assert pickle.loads(pickle.dumps(topology)) == topology
    assert topology != Topology(*RACKS, {"a": "r1", "b": "r1"})


def test_views_are_read_only_and_outlive_the_topology():
    topology = Topology(*RACKS, {"a": "r1"})
    parent = topology.parent
    del topology
    assert parent.tolist() == [-1, 0, 0]
    with pytest.raises(ValueError, match="read-only"):
        parent[0] = 1


@pytest.mark.parametrize(
    ("levels", "domains", "nodes", "culprit"),
    [
        ([], [], {}, "no levels"),
        (["site"], [], {}, "no domains"),
        (["site", "site"], RACKS[1], {}, "'site' is named twice"),
        (["site", "rack", "row"], [("s", "site", None), ("s", "rack", "s")], {}, "'s' is given twice"),
        (["site"], [("s", "room", None)], {}, "unknown level 'room'"),
        (["site"], [("s", "site", "nowhere")], {}, "unknown parent 'nowhere'"),
        (["site"], [("a", "site", None), ("b", "site", None)], {}, "disconnected, both 'a' and 'b'"),
        (["x", "y"], [("s", "x", None), ("a", "y", "b"), ("b", "y", "a")], {}, "cyclic domains"),
        (["x"], [("a", "x", "a")], {}, "cyclic domains a -> a"),
        (["x", "y"], [("a", "y", None), ("b", "x", "a")], {}, "'b' at level 'x' is not below"),
        (["x", "y"], [("a", "x", None), ("b", "x", "a")], {}, "'b' at level 'x' is not below"),
        (*RACKS, [("n", "r1"), ("n", "r2")], "node 'n' is attached twice"),
        (*RACKS, {"n": "r9"}, "unknown domain 'r9'"),
        (*RACKS, {"": "r1"}, "node name ''"),
        ([Level("site", distance=2), Level("rack", distance=3)], RACKS[1], {}, "'rack' has the distance 3"),
    ],
)
def test_bad_trees_name_the_culprit(levels, domains, nodes, culprit):
    with pytest.raises(hal.InvalidModel, match=culprit):
        Topology(levels, domains, nodes)


@pytest.mark.parametrize(
    "level",
    [
        {"distance": -1},
        {"distance": 2.5},
        {"distance": True},
        {"distance": 2**63},
        {"latency": -1},
        {"latency": "2 parsecs"},
        {"latency": "nanns"},
        {"bandwidth": "1e3MiB/s"},
        {"bandwidth": "9" * 18 + "TiB/s"},
        {"bandwidth": "9" * 5000 + "TiB/s"},
    ],
)
def test_bad_figures_name_the_level_and_the_field(level):
    with pytest.raises(hal.InvalidModel, match=f"'rack' {next(iter(level))}"):
        Level("rack", **level)


@pytest.mark.parametrize(
    "nodes", [["nobody"], "a", np.array([1]), np.array([-1]), np.zeros((1, 1), int), [3]]
)
def test_unknown_nodes_are_refused(nodes):
    topology = Topology(*RACKS, {"a": "r1"})
    with pytest.raises(hal.InvalidModel):
        topology.distances(nodes)


@given(st.lists(st.tuples(st.text("ab", max_size=2), st.text("xy", max_size=1), st.none() | st.text("ab"))))
def test_random_domains_build_or_raise(domains):
    try:
        topology = Topology(["x", "y"], domains)
    except hal.InvalidModel:
        return
    assert topology.parent[0] == -1
    assert (topology.parent[1:] < np.arange(1, len(domains))).all()
