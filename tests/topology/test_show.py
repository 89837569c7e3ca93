import json

import pytest
from typer.testing import CliRunner

from hal.cli.topology import app

TREE = (
    "SwitchName=leaf1 Nodes=n[1-20]\nSwitchName=leaf2 Nodes=n[21-22]\nSwitchName=spine Switches=leaf[1-2]\n"
)


@pytest.fixture
def conf(tmp_path):
    path = tmp_path / "topology.conf"
    path.write_text(TREE)
    return path


def run(*args):
    return CliRunner().invoke(app, ["show", *map(str, args)])


def test_tree_is_drawn_and_long_lists_are_cut(conf):
    result = run(conf, "--limit", 4)
    assert result.exit_code == 0, result.output
    for text in ("spine switch1 · 22 nodes", "n4", "… 16 more nodes", "n22", "switch0 (distance 2)"):
        assert text in result.output
    assert "n5" not in result.output


def test_placed_nodes_are_shown_first_and_carry_the_job(conf, tmp_path):
    placement = tmp_path / "p.json"
    placement.write_text(json.dumps({"train[1]": ["n20", "n21"]}))
    result = run(conf, "--limit", 2, "--placement", placement)
    assert "n20 ■ train[1]" in result.output
    assert "n21 ■ train[1]" in result.output


def test_picture_is_saved(conf, tmp_path):
    pytest.importorskip("matplotlib")
    out = tmp_path / "t.png"
    assert run(conf, "--plot", out).exit_code == 0
    assert out.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("placement", ["[", "[]", '{"a": "n1"}', '{"a": ["nobody"]}'])
def test_bad_placement_is_an_error_not_a_traceback(conf, tmp_path, placement):
    file = tmp_path / "p.json"
    file.write_text(placement)
    result = run(conf, "--placement", file)
    assert result.exit_code == 1
    assert "error:" in result.output


def test_missing_file(tmp_path):
    result = run(tmp_path / "none.conf")
    assert result.exit_code == 1
    assert "cannot read" in result.output
