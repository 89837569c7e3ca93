import json

import pytest

from hal.cli.app import run

TREE = (
    "SwitchName=leaf1 Nodes=n[1-20]\nSwitchName=leaf2 Nodes=n[21-22]\nSwitchName=spine Switches=leaf[1-2]\n"
)


@pytest.fixture
def conf(tmp_path):
    path = tmp_path / "topology.conf"
    path.write_text(TREE)
    return path


@pytest.fixture
def show(capsys):
    def call(*args):
        status = run(["topology", "show", *map(str, args)])
        return status, capsys.readouterr()

    return call


def test_tree_is_drawn_and_long_lists_are_cut(show, conf):
    status, printed = show(conf, "--limit", 4)
    assert status == 0, printed.err
    for text in ("spine switch1 · 22 nodes", "n4", "… 16 more nodes", "n22", "switch0 (distance 2)"):
        assert text in printed.out
    assert "n5" not in printed.out


def test_placed_nodes_are_shown_first_and_carry_the_job(show, conf, tmp_path):
    placement = tmp_path / "p.json"
    placement.write_text(json.dumps({"train[1]": ["n20", "n21"]}))
    _, printed = show(conf, "--limit", 2, "--placement", placement)
    assert "n20 ■ train[1]" in printed.out
    assert "n21 ■ train[1]" in printed.out


def test_picture_is_saved(show, conf, tmp_path):
    pytest.importorskip("matplotlib")
    out = tmp_path / "t.png"
    assert show(conf, "--plot", out)[0] == 0
    assert out.read_bytes().startswith(b"\x89PNG")


def test_json_says_the_same(show, conf, tmp_path):
    placement = tmp_path / "p.json"
    placement.write_text(json.dumps({"near": ["n1", "n2"], "far": ["n20", "n21", "n21"]}))
    status, printed = show(conf, "--placement", placement, "--json")
    told = json.loads(printed.out)
    assert status == 0
    assert [level["name"] for level in told["levels"]] == ["switch1", "switch0"]
    assert told["nodes"]["n21"] == ["spine", "leaf2"]
    assert told["placement"]["near"]["greatest_distance"] == 2
    assert told["placement"]["far"] == {"nodes": ["n20", "n21", "n21"], "greatest_distance": 4}


@pytest.mark.parametrize("placement", ["[", "[]", '{"a": "n1"}', '{"a": ["nobody"]}'])
def test_bad_placement_is_an_error_not_a_traceback(show, conf, tmp_path, placement):
    file = tmp_path / "p.json"
    file.write_text(placement)
    status, printed = show(conf, "--placement", file)
    assert status == 2
    assert printed.err.startswith("error:")


def test_missing_file(show, tmp_path):
    status, printed = show(tmp_path / "none.conf")
    assert status == 2
    assert "cannot read" in printed.err
