import pytest
from hypothesis import given
from hypothesis import strategies as st

import hal
from hal.topology import Level, Topology, from_yaml, to_yaml
from tests.topology import topology_twin as twin

TEXT = """
levels:
- {name: spine, distance: 4, latency: 2us, bandwidth: 10GiB/s}
- leaf
tree:
  name: s
  nodes: [login]
  domains:
  - {name: a, nodes: "n[1-2]"}
  - {name: b, nodes: [n3]}
"""


def test_reads_both_node_forms(tmp_path):
    path = tmp_path / "t.yaml"
    path.write_text(TEXT)
    topology = from_yaml(path)
    assert topology == from_yaml(TEXT) == from_yaml(str(path))
    assert topology.nodes == ("login", "n1", "n2", "n3")
    assert topology.levels == (Level("spine", 4, 2000, 10240), Level("leaf", 2))


@given(twin.trees())
def test_round_trip_keeps_the_tree(tree):
    levels, domains, nodes = tree
    given_levels = [Level(n, c, latency=i, bandwidth=7) for i, (n, c) in enumerate(levels)]
    topology = Topology(given_levels, domains, nodes)
    again = from_yaml(to_yaml(topology))
    assert (again.levels, again.domains) == (topology.levels, topology.domains)
    assert {node: again.path(node) for node in again} == {node: topology.path(node) for node in topology}
    assert from_yaml(to_yaml(again)) == again


@pytest.mark.parametrize(
    ("text", "culprit"),
    [
        ("{levels: [x]}", "lacks 'tree'"),
        ("{levels: x, tree: {name: a}}", "levels must be a list"),
        ("{levels: [{nam: x}], tree: {name: a}}", "unknown key 'nam'"),
        ("{levels: [x], tree: {name: a, domains: [{name: b}]}}", "'b' is below the last level"),
        ("{levels: [x], tree: {name: a, level: y}}", "unknown level 'y'"),
        ("{levels: [x, y], tree: {name: a, domains: [{name: a}]}}", "'a' is not a text or given twice"),
        ("{levels: [x, y], tree: {name: a, domains: {name: a}}}", "must be lists"),
        ("{levels: [x], tree: {name: a, nodes: 'n[1'}}", "host list"),
        ("{levels: [x], tree: {name: a, nodes: [n, n]}}", "'n' is attached twice"),
        ("{levels: [x, y], tree: &t {name: a, domains: [*t]}}", "given twice"),
        ("levels: [x\n", "cannot read"),
        ("nothing.yaml", "cannot read 'nothing.yaml'"),
        ("[" * 1200 + "\n", "cannot read"),
    ],
)
def test_bad_documents_name_the_culprit(text, culprit):
    with pytest.raises(hal.InvalidModel, match=culprit):
        from_yaml(text)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 2**70)
    | st.floats()
    | st.sampled_from(["x", "a", "n[1-3]", "["]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["levels", "tree", "name", "nodes", "domains", "level", "distance"]), inner
        )
    ),
    max_leaves=12,
)


@given(st.fixed_dictionaries({"levels": st.just(["x", "y"]) | VALUES, "tree": VALUES}))
def test_any_document_loads_or_raises(document):
    yaml = pytest.importorskip("yaml")
    try:
        from_yaml(yaml.safe_dump(document))
    except hal.InvalidModel:
        return
