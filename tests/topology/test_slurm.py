import pytest
from hypothesis import given
from hypothesis import strategies as st

import hal
from hal.topology import Level, from_slurm

TREE = """
# a comment
SwitchName=leaf1 Nodes=gn[1-2],cn[1-4]  # another
switchname=leaf2 \\
    Nodes=gn[3-4],cn[5-8]
SwitchName=spine Switches=leaf[1-2] LinkSpeed=100
"""
SCONTROL = """
SwitchName=leaf1 Level=0 LinkSpeed=1 Nodes=gn[1-2],cn[1-4]
SwitchName=leaf2 Level=0 LinkSpeed=1 Nodes=gn[3-4],cn[5-8]
SwitchName=spine Level=1 LinkSpeed=1 Nodes=cn[1-8],gn[1-4] Switches=leaf[1-2]
"""


def test_tree_from_the_file_and_from_scontrol_are_the_same():
    topology = from_slurm(TREE)
    assert topology == from_slurm(SCONTROL)
    assert [level.name for level in topology.levels] == ["switch1", "switch0"]
    assert topology.path("cn5") == ("spine", "leaf2")
    assert topology.distances(["gn1", "cn4", "gn3"]).tolist() == [[0, 2, 4], [2, 0, 4], [4, 4, 0]]


def test_levels_may_be_named_and_given_figures():
    topology = from_slurm(TREE, levels=["core", Level("leaf", distance=1)])
    assert (topology.common_level("gn1", "gn2"), topology.distance("gn1", "gn2")) == ("leaf", 1)


def test_uneven_tree():
    topology = from_slurm(
        "SwitchName=top Switches=mid,leaf3\nSwitchName=mid Switches=leaf1,leaf2\n"
        "SwitchName=leaf1 Nodes=a\nSwitchName=leaf2 Nodes=b\nSwitchName=leaf3 Nodes=c"
    )
    assert topology.path("c") == ("top", "leaf3")
    assert topology.distances(["a", "b", "c"])[0].tolist() == [0, 4, 6]


def test_blocks_aggregate_in_order():
    text = "".join(f"BlockName=b{i} Nodes=n[{3 * i}-{3 * i + 2}]\n" for i in range(6)) + "BlockSizes=3,6,12"
    topology = from_slurm(text)
    assert [level.name for level in topology.levels] == ["cluster", "block12", "block6", "block"]
    assert topology.distances(["n0", "n1", "n3", "n6", "n12"])[0].tolist() == [0, 2, 4, 6, 8]
    assert topology.common_level("n12", "n15") == "block6"


def test_blocks_without_sizes():
    topology = from_slurm("BlockName=b1 Nodes=n[1-2]\nBlockName=b2 Nodes=n3", root="hall")
    assert topology.path("n3") == ("hall", "b2")


@pytest.mark.parametrize(
    ("text", "culprit"),
    [
        ("SwitchName=a Nodes=n1\nSwitchName=b Nodes=n2", "disconnected, both 'a' and 'b'"),
        ("SwitchName=a Switches=b\nSwitchName=b Switches=a", "cycle through 'a' and 'b'"),
        ("SwitchName=a Switches=a", "cycle through 'a' and 'a'"),
        ("SwitchName=a Switches=b", "unknown switch 'b'"),
        ("SwitchName=a", "'a' has neither"),
        ("SwitchName=a Nodes=n1\nSwitchName=a Nodes=n2", "line 2: switch 'a' is given twice"),
        (
            "SwitchName=c Switches=a,b\nSwitchName=a Nodes=n1\nSwitchName=b Nodes=n1",
            "'n1' is attached to both",
        ),
        ("SwitchName=a Nodes=n1\nSwitchName=b Switches=a\nSwitchName=c Switches=a", "'a' is below both"),
        ("SwitchName=a Nodes=n[2-1]", "line 1: host list"),
        ("SwitchName=a Nodes=n1 Nodes=n2", "Nodes is given twice"),
        ("SwitchName=a Nodes=n1 Colour=red", "'Colour=red'"),
        ("SwitchName=a[1-2] Nodes=n1", "one switch a line"),
        ("SwitchName=a BlockName=b Nodes=n1", "line 1"),
        ("SwitchName=a Nodes=n1\nBlockName=b Nodes=n2", "both SwitchName and BlockName"),
        ("BlockName=a Nodes=n1\nBlockName=b Nodes=n1", "'n1' is attached to both"),
        ("BlockName=a Nodes=n1\nBlockName=a Nodes=n2", "block 'a' is given twice"),
        ("BlockName=a Nodes=n1\nBlockSizes=2,6", "block size 6"),
        ("BlockName=a Nodes=n1\nBlockSizes=0", "'0' is not a positive number"),
        ("BlockSizes=2", "no SwitchName or BlockName"),
        (" ", "no SwitchName or BlockName"),
        ("SwitchName=a Nodes=n1 \\", "continued line"),
        ("no-such-file.conf", "cannot read 'no-such-file.conf'"),
        ("\0=", "not a known Key=Value"),
    ],
)
def test_bad_files_name_the_culprit(text, culprit):
    with pytest.raises(hal.InvalidModel, match=culprit):
        from_slurm(text)


def test_several_trees_may_be_joined():
    topology = from_slurm("SwitchName=a Nodes=n1\nSwitchName=b Nodes=n2", root="site")
    assert topology.distances(["n1", "n2"])[0].tolist() == [0, 4]


def test_files_of_real_servers(traces, tmp_path):
    found = sorted((traces.parent / "fixtures").glob("slurm-*/topology.conf"))
    assert found
    for path in found:
        topology = from_slurm(path)
        assert topology == from_slurm(path.with_name("scontrol_topology.txt"))
        assert len(topology) == 12


WORDS = st.sampled_from(
    [
        "SwitchName=a",
        "SwitchName=b",
        "BlockName=a",
        "Switches=a",
        "Switches=b,c",
        "Nodes=n[1-3]",
        "Nodes=n2",
        "BlockSizes=1,2",
        "BlockSize=4",
        "Level=0",
        "\n",
        "\n",
        "\n",
        "\\\n",
        "#",
        "=",
        "[",
        "Nodes=n[",
    ]
)


@given(st.lists(WORDS, max_size=14).map(" ".join) | st.text(max_size=30).map(lambda text: text + "\n"))
def test_any_text_loads_or_raises(text):
    try:
        topology = from_slurm(text + "\n")
    except hal.InvalidModel:
        return
    assert topology.distances().shape == (len(topology), len(topology))
