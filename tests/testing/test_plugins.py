"""Plugins: found by entry point, held to their contract, and told apart when they fail."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import hal
import hal.control
import hal.signals
import hal.store
from hal import plugins
from hal.cli.app import run
from hal.errors import HalError, PolicyError
from hal.policies import registry

PACKAGE = """
import numpy as np
from hal.control import Advice

class Good:
    name = "kit_good"
    contract = (1, 7)
    def score(self, job, nodes):
        return np.ones(len(nodes))

class TooNew(Good):
    contract = (2, 0)

class TooOld(Good):
    contract = (0, 9)

class Unread(Good):
    contract = "3"

class Shelf:
    def __init__(self, url, *, timeout): self.url = url
    def declare(self, capacities): ...
    def capacities(self): return {}
    def reserve(self, reservations): ...
    def cancel(self, names): return 0
    def replace(self, cancelled, reservations): ...
    def reservations(self, begin=None, end=None): return []
    def set_quota(self, queue, limits, *, version=None): ...
    def quotas(self): return {}
    def close(self): ...

class Steady:
    name, contract = "kit_steady", (1, 3)
    def __init__(self, *, p=0.5): self.p = p
    def observe(self, signals, context=None): return Advice(self.p, "steady")
    def applied(self, p): ...
    def state(self): return {}
    def restore(self, state): ...

class Empty:
    pass

nothing = 3
"""
ENTRIES = """
[hal.policies]
kit_good = hal_kit_plugin:Good
kit_new = hal_kit_plugin:TooNew
kit_old = hal_kit_plugin:TooOld
kit_unread = hal_kit_plugin:Unread
kit_raises = hal_kit_raises:Policy
kit_exits = hal_kit_exits:Policy
kit_empty = hal_kit_plugin:Empty

[hal.controllers]
kit_steady = hal_kit_plugin:Steady

[hal.stores]
kit-shelf = hal_kit_plugin:Shelf
kit_nothing = hal_kit_plugin:nothing
kit_bare = hal_kit_plugin:Good
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "hal_kit_plugin.py").write_text(PACKAGE)
    (tmp_path / "hal_kit_raises.py").write_text("raise RuntimeError('no licence')\n")
    (tmp_path / "hal_kit_exits.py").write_text("raise SystemExit(3)\n")
    info = tmp_path / "hal_kit_plugin-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hal-kit-plugin\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(ENTRIES)
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    yield tmp_path
    registry._FACTORIES.pop("kit_good", None)


@pytest.mark.usefixtures("installed")
def test_each_is_loaded_or_said_why_not(capsys: pytest.CaptureFixture[str]) -> None:
    found = {plugin.name: plugin for plugin in plugins.find() if plugin.name.startswith("kit")}
    assert (found["kit_good"].contract, found["kit_good"].error) == ("1.7", "")  # a newer minor works
    assert (found["kit_good"].distribution, found["kit_good"].version) == ("hal-kit-plugin", "1.2")
    assert found["kit-shelf"].error == ""
    for name, words in {
        "kit_new": "newer contract 2.0, and this hal offers 1.0; upgrade hal-core",
        "kit_old": "older contract 0.9, and this hal offers 1.0; upgrade the plugin",
        "kit_unread": "write (major, minor)",
        "kit_raises": "RuntimeError: no licence",
        "kit_exits": "SystemExit: 3",
        "kit_empty": "needs score, keep, place",
        "kit_bare": "needs declare, capacities, reserve",
        "kit_nothing": "needs declare, capacities, reserve",
    }.items():
        assert words in found[name].error
    assert run(["plugins", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["contracts"]["policy"] == "1.0"
    assert {row["name"] for row in printed["plugins"]} >= set(found)
    assert run(["plugins", "--strict"]) == 1


@pytest.mark.usefixtures("installed")
def test_names_work_where_policies_are_named() -> None:
    cluster = hal.Cluster([hal.Node("n", cpus=1)])
    assert hal.place(cluster, hal.Job("j", cpus=1), policy="kit_good")[0].placed
    for name, words in (("kit_new", "newer contract"), ("kit_raises", "no licence")):
        with pytest.raises(PolicyError, match=words):
            hal.place(cluster, hal.Job("j", cpus=1), policy=name)
    assert hal.store.open_store("kit-shelf://here").url == "kit-shelf://here"
    assert "kit_steady" in hal.control.names()
    signals = hal.signals.Monitor(cluster).read(0.0)
    assert hal.control.Loop(hal.control.make("kit_steady", p=0.25)).observe(signals) == (0.25, "steady")
    for kind, name in (("shop", "x"), ("store", "absent")):
        with pytest.raises(HalError):
            plugins.load(kind, name)


@pytest.mark.usefixtures("installed")
def test_a_name_is_claimed_once(installed: Path) -> None:
    other = installed / "other-1.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1\n")
    (other / "entry_points.txt").write_text("[hal.stores]\nkit-shelf = elsewhere:shelf\n")
    importlib.invalidate_caches()
    with pytest.raises(HalError, match="claimed by elsewhere:shelf and hal_kit_plugin:Shelf"):
        plugins.load("store", "kit-shelf")
    told = [plugin.error for plugin in plugins.find() if plugin.name == "kit-shelf"]
    assert len(told) == 2
    assert all("claimed by elsewhere:shelf and hal_kit_plugin:Shelf" in error for error in told)


@pytest.mark.usefixtures("installed")
def test_a_part_of_hals_own_hides_a_plugin_of_its_name(
    installed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = installed / "other-1.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1\n")
    (other / "entry_points.txt").write_text(
        "[hal.policies]\nbest_fit = hal_kit_plugin:Good\n[hal.controllers]\npid = hal_kit_plugin:Steady\n"
        "[hal.stores]\nsqlite = hal_kit_plugin:Shelf\n"
    )
    importlib.invalidate_caches()
    assert hal.policies.get("best_fit").scorers == {hal.policies.BestFit(): 1}
    hal.policies.get("kit_good")  # one in use hides nothing
    told = {plugin.name: plugin.error for plugin in plugins.find() if not plugin.name.startswith("kit_n")}
    assert told["kit_good"] == told["kit_steady"] == told["kit-shelf"] == ""
    for kind, name in (("policy", "best_fit"), ("controller", "pid"), ("store", "sqlite")):
        assert f"hidden by the built-in {kind} of that name" in told[name]
    assert run(["plugins"]) == 0
    assert "hidden by the built-in" in capsys.readouterr().out


def test_objects_are_imported_by_name() -> None:
    assert plugins.load_object("hal.policies:BestFit") is hal.policies.BestFit
    for text in ("best_fit", ":x", "hal:", "hal:a b", "hal_absent:X", "hal:Absent"):
        with pytest.raises(HalError):
            plugins.load_object(text)


def test_the_command_checks_a_module_of_the_present_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "kit_here.py").write_text(PACKAGE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", ["", *__import__("sys").path])
    assert run(["check", "kit_here:Good", "--examples", "3", "--json"]) == 0
    assert {row["outcome"] for row in json.loads(capsys.readouterr().out)["kit_here:Good"]} <= {
        "kept",
        "not asked",
    }
    assert run(["check", "kit_here:nothing"]) == 2
    assert run(["check"]) == 2
    assert run(["check", "--list", "--json"]) == 0
