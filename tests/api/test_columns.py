"""Jobs and nodes as columns: the same answers as for objects, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import hal
from hal.errors import InvalidModel
from tests.api.clusters import small


def test_columns_and_objects_agree() -> None:
    rng = np.random.default_rng(1)
    kinds = [
        hal.Job("k", cpus=c, memory=m, gpus=g)
        for c, m, g in [(4, 100, 0), (2, 10, 1), (1, 0, 0.3), (8, 50, 4)]
    ]
    shape = rng.integers(0, 4, 60).astype(np.int32)
    tasks = rng.integers(1, 3, 60).astype(np.int32)
    columns = hal.JobColumns.from_shapes(shape, kinds, tasks=tasks)
    spelled = hal.JobColumns(
        cpu_milli=np.array([kinds[s].cpu_milli for s in shape]),
        memory_mib=np.array([kinds[s].memory_mib for s in shape]),
        gpus=np.array([kinds[s].gpus for s in shape]),
        gpu_milli=np.array([kinds[s].gpu_milli for s in shape]),
        tasks=tasks,
    )
    objects = [
        hal.Job(f"j{i}", tasks=int(t), cpus=k.cpus, memory=k.memory, gpus=k.gpus, gpu_share=k.gpu_share)
        for i, (k, t) in enumerate(zip([kinds[s] for s in shape], tasks, strict=True))
    ]
    answers = [hal.place(small(), jobs, "best_fit") for jobs in (columns, spelled, objects)]
    for other in answers[1:]:
        for column in ("status", "node", "gpu_mask", "task_begin", "score"):
            assert np.array_equal(getattr(answers[0], column), getattr(other, column))
    assert not np.all(answers[0].status == 0)  # the cluster does fill up
    turned = hal.place(small(), columns, order="largest_first")
    assert turned[0].job == "#0"
    assert turned.explain(0).job == "#0"


@pytest.mark.parametrize(
    ("match", "fields"),
    [
        ("cpu_milli: dtype", {"cpu_milli": np.zeros(3, np.int32)}),
        ("cpu_milli: shape", {"cpu_milli": np.zeros((3, 1), np.int64)}),
        ("memory_mib: shape", {"memory_mib": np.zeros(4, np.int64)}),
        ("memory_mib: is a masked array", {"memory_mib": np.ma.array([1, 2, 3], mask=[0, 1, 0])}),
        ("memory_mib: is not C-contiguous", {"memory_mib": np.zeros(6, np.int64)[::2]}),
        (r"memory_mib\[1\] = -1", {"memory_mib": np.array([0, -1, 0])}),
        (r"gpus\[2\] = 65", {"gpus": np.array([0, 0, 65])}),
        (r"gpu_milli\[0\] = 1001", {"gpus": np.ones(3, np.int64), "gpu_milli": np.array([1001, 1, 1])}),
        (
            r"gpu_milli\[1\] = 5 with gpus\[1\] = 0",
            {"gpus": np.array([1, 0, 1]), "gpu_milli": np.array([5, 5, 5])},
        ),
        ("tasks", {"tasks": np.zeros(3, np.int32)}),
        ("model_sets", {"model_sets": ["A100"]}),
        ("gpu_models", {"gpu_models": np.ones(3, np.int32)}),
        ("numpy array", {"cpu_milli": [1, 2, 3]}),
        ("dtype", {"cpu_milli": np.zeros(3, ">i8")}),
        ("cpu_milli", {"cpu_milli": np.full(3, 2**62)}),
    ],
)
def test_wrong_columns_are_named(match: str, fields: dict[str, object]) -> None:
    good: dict[str, object] = {"cpu_milli": np.zeros(3, np.int64), "memory_mib": np.zeros(3, np.int64)}
    with pytest.raises(InvalidModel, match=match):
        hal.JobColumns(**(good | fields))


@pytest.mark.parametrize(
    ("match", "fields"),
    [
        ("gpu_count: dtype", {"gpu_count": np.zeros(2, np.int64)}),
        ("gpu_model", {"gpu_count": np.ones(2, np.int32)}),
        ("names", {"names": ["a"]}),
        ("'a'", {"names": ["a", "a"]}),
        ("resources", {"resources": {"fpga": np.zeros(3, np.int64)}}),
        ("memory_mib", {"memory_mib": None}),
    ],
)
def test_wrong_node_columns_are_named(match: str, fields: dict[str, object]) -> None:
    good: dict[str, object] = {"cpu_milli": np.zeros(2, np.int64), "memory_mib": np.zeros(2, np.int64)}
    with pytest.raises(InvalidModel, match=match):
        hal.Cluster.from_arrays(**(good | fields))
