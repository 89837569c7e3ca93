"""YAML and JSON: what is written is read back equal, and hostile text is refused in bounded time."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hal
from hal import files
from hal.errors import InvalidModel
from tests.api import strategies


@pytest.mark.parametrize("suffix", ["yaml", "json"])
@given(data=st.data())
def test_nodes_come_back_equal(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, data: st.DataObject
) -> None:
    specs = [data.draw(strategies.nodes(f"n-{i} é")) for i in range(data.draw(st.integers(0, 3)))]
    cluster = hal.Cluster(specs)
    path = tmp_path_factory.mktemp("files") / f"cluster.{suffix}"
    getattr(cluster, f"to_{suffix}")(path)
    again = getattr(hal.Cluster, f"from_{suffix}")(path)
    assert list(again.nodes()) == list(cluster.nodes()) == specs
    assert again.digest() == cluster.digest()


def test_an_entry_with_a_count_stands_for_many(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("base: &base {cpus: 4}\nnodes:\n- {<<: *base, name: n, count: 3}\n- {name: m}\n")
    assert hal.Cluster.from_yaml(path).node_names() == ["n-0", "n-1", "n-2", "m"]
    assert hal.Cluster.from_yaml(path).node("n-2").cpus == 4


def test_rules_are_named_by_their_kind() -> None:
    rules = [
        {"rule": "anti_affinity", "jobs": {"app": "web"}},
        {"rule": "spread", "jobs": [{"key": "app"}], "level": "zone", "max_skew": 2},
    ]
    assert list(files.job_of({"name": "a", "rules": rules}).rules) == [
        hal.AntiAffinity({"app": "web"}),
        hal.Spread([hal.Selector("app")], level="zone", max_skew=2),
    ]
    for bad in (
        {"rule": "near", "jobs": {}},
        {"jobs": {}},
        {"rule": "affinity"},
        {"rule": [], "jobs": {}},
        "near",
    ):
        with pytest.raises(InvalidModel, match="rules"):
            files.job_of({"name": "a", "rules": [bad]})


def bomb(link: str) -> str:
    """Twenty levels of ten references each."""
    lines = ["a0: &a0 {name: x}"]
    lines += [f"a{i}: &a{i} {link.format(', '.join([f'*a{i - 1}'] * 10))}" for i in range(1, 20)]
    return "\n".join([*lines, "nodes: [*a19]", ""])


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("mapping", bomb("[{}]")),
        ("<< takes one mapping", bomb("{{<<: [{}]}}")),
        ("nested too deeply", "nodes: " + "[" * 3000),
        ("twice", "nodes:\n- {name: a, name: b}\n"),
        ("no YAML", "nodes: !!python/object:os.system {}\n"),
        ("no YAML", "nodes: \x00"),
    ],
    ids=["aliases", "merges", "depth", "twice", "objects", "nul"],
)
def test_hostile_yaml_is_refused(tmp_path: Path, said: str, text: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(InvalidModel, match=said):
        hal.Cluster.from_yaml(path)


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("no JSON", '{"nodes": ['),
        ("twice", '{"nodes": [], "nodes": []}'),
        ("NaN", '{"nodes": [{"name": "a", "cpus": NaN}]}'),
        ("limit", '{"nodes": [{"name": "a", "cpus": 1' + "0" * 400 + "}]}"),
        ("nested too deeply", "[" * 100_000),
        ("no JSON", '{"nodes": 1' + "0" * 10_000 + "}"),
    ],
    ids=["cut", "twice", "nan", "overflow", "depth", "digits"],
)
def test_hostile_json_is_refused(tmp_path: Path, said: str, text: str) -> None:
    path = tmp_path / "c.json"
    path.write_text(text)
    with pytest.raises(InvalidModel, match=said):
        hal.Cluster.from_json(path)


def test_unreadable_and_unwritable_paths_are_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidModel, match="absent"):
        files.read_jobs(tmp_path / "absent.yaml", "yaml")
    with pytest.raises(hal.HalError, match="cannot be written"):
        hal.Cluster().to_json(tmp_path / "no" / "folder.json")


def test_a_name_that_comes_twice_is_told_with_both_entries(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("nodes:\n- {name: n, count: 2}\n- {name: n-1}\n")
    with pytest.raises(InvalidModel, match=r"c\.yaml: nodes\[1\]: name 'n-1' is taken by nodes\[0\]"):
        hal.Cluster.from_yaml(path)
