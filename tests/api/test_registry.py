"""Policies by name: registered ones, and those that installed packages offer."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

import hal
from hal.errors import PolicyError
from hal.policies import registry

PACKAGE = """
import numpy as np

class LastNode:
    name = "last_node"
    def __init__(self, *, sharpness=1.0):
        self.sharpness = sharpness
    def score(self, job, nodes):
        return nodes.index / (nodes.index + self.sharpness)
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package with two entry points, one of which cannot be imported."""
    (tmp_path / "hal_last_node.py").write_text(PACKAGE)
    info = tmp_path / "hal_last_node-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hal-last-node\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[hal.policies]\nlast_node = hal_last_node:LastNode\nabsent_node = hal_absent:Absent\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    yield
    registry._FACTORIES.pop("last_node", None)  # the next test knows nothing of the package


@pytest.mark.usefixtures("installed")
def test_an_installed_package_offers_policies_by_name() -> None:
    cluster = hal.Cluster([hal.Node(f"n{i}", cpus=4) for i in range(3)])
    assert "last_node" in hal.policies.names()
    assert hal.place(cluster, hal.Job("j", cpus=1), "last_node(sharpness=2)")[0].nodes == ("n2",)
    with pytest.raises(PolicyError, match="hal_absent"):
        hal.policies.get("absent_node")


def test_a_name_belongs_to_one_policy() -> None:
    with pytest.raises(PolicyError, match="taken"):
        hal.policies.register("best_fit", object)
    for name in ("", "two words", "a.b", "3x"):
        with pytest.raises(PolicyError, match="name"):
            hal.policies.register(name, object)
    hal.policies.register("best_fit", hal.policies.BestFit)  # the same again is no conflict


def test_scorers_are_objects_with_a_name_and_a_score() -> None:
    for wrong in (3, object(), hal.policies.BestFit):
        with pytest.raises(PolicyError):
            hal.Policy([wrong])
    for weight in (0, float("nan"), "1", True):
        with pytest.raises(PolicyError, match="weight"):
            hal.Policy({hal.policies.BestFit(): weight})
    with pytest.raises(PolicyError, match="empty"):
        hal.Policy([])
    with pytest.raises(PolicyError, match="keep"):
        hal.Policy(["best_fit"], filters=[object()])


def test_policies_pickle_and_compare_by_parameters() -> None:
    import pickle

    policy = hal.Policy({hal.policies.Fgd(): 1, hal.policies.PackSpread(p=0.2): 0.5}, seed=3, tie_seed=4)
    again = pickle.loads(pickle.dumps(policy))
    assert (again.scorers, again.name, again.seed, again.tie_seed) == (policy.scorers, policy.name, 3, 4)


def test_typical_tasks_are_checked() -> None:
    jobs = [hal.Job("a", cpus=1, gpus=0.5, tasks=3), hal.Job("b", cpus=1, gpus=0.5), hal.Job("c", gpus=2)]
    typical = hal.policies.Fgd(typical=jobs).typical
    assert [task.count for task in typical] == [4, 1]
    task = hal.policies.TypicalTask(1000, 500, 1, (), -1)
    for wrong in ("soon", [], [3], [task], 3, [jobs[0], 3]):
        with pytest.raises(hal.HalError, match="typical"):
            hal.policies.Fgd(typical=wrong)
