import pytest
from hypothesis import given
from hypothesis import strategies as st

import hal
from hal.topology import PRESETS, Level, from_labels


def test_a_rack_of_another_zone_is_another_rack():
    topology = from_labels(
        {
            "a": {"zone": "z1", "rack": "1"},
            "b": {"zone": "z1", "rack": "1"},
            "c": {"zone": "z2", "rack": "1"},
            "d": {"zone": "z1"},
            "e": {},
        },
        ["zone", Level("rack", distance=1, latency="2us")],
    )
    assert topology.path("a") == topology.path("b") == ("cluster", "z1", "z1/1")
    assert topology.path("c") == ("cluster", "z2", "z2/1")
    assert (topology.path("d"), topology.path("e")) == (("cluster", "z1"), ("cluster",))
    assert topology.distances(["a", "b", "c", "d"])[0].tolist() == [0, 1, 6, 4]


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_find_their_labels(preset):
    keys = PRESETS[preset]
    nodes = {f"n{i}": {key: f"v{i if key == keys[-1] else 0}" for key in keys} for i in range(2)}
    topology = from_labels(nodes, preset)
    assert [level.name for level in topology.levels] == ["cluster", *keys]
    assert topology.common_level("n0", "n1") == keys[-2]


def test_a_preset_drops_the_levels_nobody_has():
    topology = from_labels(
        {"a": {"fabric.topograph.run/tier-1": "s", "fabric.topograph.run/tier-0": "l"}}, "topograph"
    )
    assert len(topology.levels) == 3


@pytest.mark.parametrize(
    ("nodes", "levels", "culprit"),
    [
        ({"a": {"zone": "1"}}, ["rack"], "'rack'"),
        ({"a": {"zone": "1"}}, "gcp", "unknown preset 'gcp'"),
        ({"a": {"zone": "1"}}, "aws", "preset 'aws'"),
        ({"a": {"zone": 1}}, ["zone"], "'zone' of node 'a' is 1"),
        ({"a": "zone"}, ["zone"], "'zone'"),
        (["a"], ["zone"], "list"),
        ({"a": {"cluster": "1"}}, ["cluster"], "level 'cluster'"),
    ],
)
def test_bad_labels_name_the_culprit(nodes, levels, culprit):
    with pytest.raises(hal.InvalidModel, match=culprit):
        from_labels(nodes, levels)


LABELS = st.dictionaries(st.sampled_from("zrx"), st.sampled_from(["cluster", "1", "1/1", "1 (r)", ""]))


@given(st.dictionaries(st.text(min_size=1, max_size=2), LABELS, min_size=1, max_size=6))
def test_nodes_share_a_domain_when_they_agree_from_the_top(nodes):
    levels = [key for key in "zr" if any(key in labels for labels in nodes.values())]
    topology = from_labels(nodes, levels)
    for a in nodes:
        for b in nodes:
            paths = [[(k, nodes[x][k]) for k in levels if nodes[x].get(k)] for x in (a, b)]
            assert (topology.path(a) == topology.path(b)) == (paths[0] == paths[1])
            assert len(topology.path(a)) == 1 + len(paths[0])
