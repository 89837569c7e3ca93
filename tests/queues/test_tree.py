"""What a tree refuses, and what it reads back."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

import hal
from hal import Queue, QueueTree


def test_trees_that_are_wrong_name_the_culprit() -> None:
    cases: list[tuple[list[Queue], str]] = [
        ([Queue("a"), Queue("a")], "queue 'a': the name is given twice"),
        ([Queue("a", parent="b")], "queue 'a': its parent 'b' is unknown"),
        ([Queue("t"), Queue("a", parent="b"), Queue("b", parent="a")], "it is below itself"),
        (
            [Queue("a", guarantee={"gpus": 2}, maximum={"gpus": 1})],
            "queue 'a': guarantee.gpu: 2 GPUs is over its",
        ),
        (
            [
                Queue("a", guarantee={"cpus": 3}),
                Queue("b", parent="a", guarantee={"cpus": 2}),
                Queue("c", parent="a", guarantee={"cpus": 2}),
            ],
            "queue 'a'.*guaranteed 4 CPUs, more than its own 3 CPUs",
        ),
    ]
    for queues, message in cases:
        with pytest.raises(hal.InvalidModel, match=message):
            QueueTree(queues)


def test_queues_that_are_wrong() -> None:
    with pytest.raises(hal.InvalidModel, match="weight"):
        Queue("a", weight=-1)
    with pytest.raises(hal.InvalidModel, match=r"guarantee\['gpus'\]"):
        Queue("a", guarantee={"gpus": -2})
    with pytest.raises(hal.InvalidModel, match="write cpus"):
        Queue("a", maximum={"cpu": 2})


def test_yaml_nested_and_back(tmp_path: Path) -> None:
    tree = QueueTree.from_yaml(
        """
queues:
  - name: lab
    maximum: {gpus: 8, memory: 1TiB}
    queues:
      - {name: ann, guarantee: {gpus: 1.5}, weight: 2}
      - {name: bob, lend: false}
  - name: other
"""
    )
    assert [queue.name for queue in tree] == ["lab", "ann", "bob", "other"]
    assert tree.path("ann") == "lab › ann"
    assert tree.guarantee("lab")["gpus"] == 1.5
    tree.to_yaml(tmp_path / "tree.yaml")
    assert list(QueueTree.from_yaml(tmp_path / "tree.yaml")) == list(tree)
    assert list(pickle.loads(pickle.dumps(tree))) == list(tree)
    with pytest.raises(hal.InvalidModel, match="'queues'"):
        QueueTree.from_yaml("a: 1\n")
    with pytest.raises(hal.InvalidModel, match="gpu"):
        QueueTree.from_yaml("queues:\n  - {name: a, guarantee: {gpu: 1}}\n")
