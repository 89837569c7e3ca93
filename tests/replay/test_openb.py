"""The OpenB loaders, metrics and experiment: against plain twins, and against the published tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hal
from hal.errors import InvalidModel
from hal.policies import TypicalTask
from hal.replay import openb
from hal.replay.openb import Nodes, Tasks
from hal.replay.openb.synthetic import synthetic_nodes, synthetic_tasks

NODES = "sn,cpu_milli,memory_mib,gpu,model\na,4000,100,2,X\nb,4000,100,0,\n"
TASKS = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\nt,1000,10,1,500,X|Y|\nu,1000,10,2,2000,\nv,5,1,0,0,\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "file.csv"
    path.write_bytes(text.encode())
    return path


def test_nodes_and_tasks_are_read_as_published(tmp_path: Path) -> None:
    nodes = openb.read_nodes(write(tmp_path, NODES))
    assert (nodes.names, nodes.models, nodes.gpu_count.tolist()) == (["a", "b"], ["X"], [2, 0])
    assert nodes.gpu_capacity == 2000
    tasks = openb.read_tasks(write(tmp_path, TASKS))
    assert tasks.model_sets == [("X", "Y"), ()]
    assert tasks.gpu_milli.tolist() == [500, 1000, 0]  # over 1000 means 1000


@pytest.mark.parametrize(
    ("match", "text"),
    [
        ("line 3", NODES[:-3]),
        ("line 2: 3 fields instead of 5", "sn,cpu_milli,memory_mib,gpu,model\na,4000,1\n"),
        ("line 1: column 'model'", "sn,cpu_milli,memory_mib,gpu\na,4000,1,2\n"),
        ("line 2: cpu_milli = '-1'", NODES.replace("a,4000", "a,-1")),
        ("line 2: cpu_milli = 'nan'", NODES.replace("a,4000", "a,nan")),
        ("line 2: cpu_milli = '9999", NODES.replace("a,4000", "a," + "9" * 17)),
        ("line 2: gpu = '65'", NODES.replace(",2,X", ",65,X")),
        ("line 2: model = ''", NODES.replace(",2,X", ",2,")),
        ("line 3: sn = 'a'", NODES.replace("\nb,", "\na,")),
        ("not UTF-8", "sn,cpu_milli,memory_mib,gpu,model\n\udcff"),
        ("line 2", 'sn,cpu_milli,memory_mib,gpu,model\n"a,1\n'),
    ],
)
def test_broken_node_lists_are_refused_by_line(tmp_path: Path, match: str, text: str) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(InvalidModel, match=match):
        openb.read_nodes(path)


@pytest.mark.parametrize(
    ("match", "text"),
    [
        ("line 2: gpu_milli = '0'", TASKS.replace("1,500", "1,0")),
        ("line 4: gpu_milli = '7'", TASKS.replace("0,0,", "0,7,")),
        ("line 2: name = ''", TASKS.replace("t,1000", ",1000")),
        ("cannot be read", ""),
    ],
)
def test_broken_task_lists_are_refused_by_line(tmp_path: Path, match: str, text: str) -> None:
    path = write(tmp_path, text) if text else tmp_path / "absent.csv"
    with pytest.raises(InvalidModel, match=match):
        openb.read_tasks(path)


def test_clusters_and_jobs_come_from_the_lists(tmp_path: Path) -> None:
    cluster = hal.Cluster.from_openb(write(tmp_path, NODES))
    assert cluster.node("a") == hal.Node("a", cpus=4, memory=100, gpus=hal.gpus(2, "X"))
    jobs = hal.JobColumns.from_openb(write(tmp_path, TASKS))
    answer = hal.place(cluster, jobs)
    assert answer.status.tolist() == [0, 1, 0]  # the second asks for both GPUs, and the first has half of one


def test_a_missing_file_or_variable_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HAL_TRACES", raising=False)
    with pytest.raises(InvalidModel, match="HAL_TRACES"):
        openb.Experiment.load("default")
    with pytest.raises(InvalidModel, match="published_allocation"):
        openb.read_published(tmp_path)
    (tmp_path / "published_allocation.csv.gz").write_bytes(b"\x1f\x8bnot really")
    with pytest.raises(InvalidModel, match="published_allocation"):
        openb.read_published(tmp_path)


@pytest.mark.parametrize(
    ("match", "arrays"),
    [
        ("seed", {"arrivals_1": [0], "nodes_1": [0, 1]}),
        ("arrivals_42", {"arrivals_42": [5], "nodes_42": [0, 1]}),
        ("arrivals_42", {"arrivals_42": [-1], "nodes_42": [0, 1]}),
        ("nodes_42", {"arrivals_42": [0], "nodes_42": [0, 0]}),
        ("nodes_42", {"arrivals_42": [0], "nodes_42": [0]}),
        ("arrivals_42", {"arrivals_42": [0.5], "nodes_42": [0, 1]}),
    ],
)
def test_wrong_orders_are_refused(tmp_path: Path, match: str, arrays: dict[str, list[float]]) -> None:
    path = tmp_path / "orders.npz"
    np.savez(path, **{name: np.array(values) for name, values in arrays.items()})
    with pytest.raises(InvalidModel, match=match):
        openb.read_orders(path, 42, tasks=3, nodes=2)


def test_orders_that_are_no_archive_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "orders.npz"
    path.write_bytes(b"PK\x03\x04 cut short")
    with pytest.raises(InvalidModel, match=r"orders\.npz"):
        openb.read_orders(path, 42, tasks=3, nodes=2)


def test_drawn_orders_reach_the_load_with_every_task_before_a_copy() -> None:
    nodes, tasks = synthetic_nodes(), synthetic_tasks(3000, seed=1)
    arrivals, order = openb.draw_orders(tasks, nodes, 7)
    again, _ = openb.draw_orders(tasks, nodes, 7)
    assert np.array_equal(arrivals, again)
    assert np.array_equal(np.sort(order), np.arange(len(nodes)))
    demand = tasks.gpu_demand[arrivals].sum()
    assert 1.3 * nodes.gpu_capacity <= demand < 1.3 * nodes.gpu_capacity + 8000
    assert np.unique(arrivals).size == len(tasks)
    for load, seed in ((0.0, 1), (float("nan"), 1), (1.0, -1)):
        with pytest.raises(InvalidModel):
            openb.draw_orders(tasks, nodes, seed, load=load)


def plain_fragmentation(
    nodes: Nodes,
    tasks: Tasks,
    arrivals: list[int],
    node: list[int],
    gpus: list[int],
    typical: list[TypicalTask],
) -> list[float]:
    """The formula as written, on every node, after each arrival."""
    cpu = nodes.cpu.tolist()
    free = [[1000] * count for count in nodes.gpu_count.tolist()]
    out = []
    for row, at, mask in zip(arrivals, node, gpus, strict=True):
        if at >= 0:
            cpu[at] -= int(tasks.cpu[row])
            for device in range(len(free[at])):
                free[at][device] -= (mask >> device & 1) * int(tasks.gpu_milli[row])
        lost = 0.0
        for index, shares in enumerate(free):
            model = nodes.models[nodes.gpu_model[index]]
            for task in typical:
                allowed = not task.gpu_models or model in task.gpu_models
                enough = sum(share >= task.gpu_milli for share in shares) >= task.gpus
                fits = task.gpus and allowed and enough and cpu[index] >= task.cpu
                part = sum(share for share in shares if share < task.gpu_milli) if fits else sum(shares)
                lost += task.count * part
        out.append(100 * lost / sum(task.count for task in typical) / nodes.gpu_capacity)
    return out


@given(seed=st.integers(0, 1000))
def test_fragmentation_agrees_with_the_formula(seed: int) -> None:
    rng = np.random.default_rng(seed)
    nodes = synthetic_nodes().take(rng.choice(1213, 6, replace=False))
    tasks = synthetic_tasks(40, seed=seed)
    experiment = openb.Experiment("tiny", nodes, tasks, in_order=True)
    arrivals = np.arange(40)
    node, gpus = np.full(40, -1, np.int32), np.zeros(40, np.uint64)
    used = np.zeros((6, 8), np.int64)
    for row in rng.permutation(40)[:20]:  # any bookkeeping will do: the metric does not ask who decided
        at = int(rng.integers(0, 6))
        count, share = int(tasks.gpus[row]), int(tasks.gpu_milli[row])
        room = [d for d in range(int(nodes.gpu_count[at])) if used[at, d] == 0][:count]
        if len(room) == count:
            node[row], gpus[row] = at, sum(1 << d for d in room)
            used[at, room] += max(share, 1)
    typical = experiment.tasks.typical()
    fast = openb.fragmentation(nodes, tasks, arrivals, node, gpus, typical)
    plain = plain_fragmentation(
        nodes, tasks, arrivals.tolist(), node.tolist(), [int(m) for m in gpus], typical
    )
    assert np.allclose(fast, plain, atol=1e-9)


def test_a_percent_without_arrivals_takes_its_neighbours() -> None:
    values = np.array([1.0, 2.0, 4.0, 8.0])
    demand = np.array([10, 0, 20, 30])  # of 1000: columns 1, 1, 3, 6
    got = openb.curve(values, demand, 1000, percents=8)
    assert got[1] == 1.5
    assert got[2] == pytest.approx((1 + 2 + 4) / 3)
    assert got[4] == 4
    assert got[5] == 8
    assert np.isnan(openb.curve(values, demand, 1000, percents=12)[9])  # nor have its neighbours any


def test_typical_tasks_are_the_shortest_prefix_by_count(traces: Path) -> None:
    tasks = openb.read_tasks(traces / "openb" / "openb_pod_list_default.csv")
    typical = tasks.typical()
    assert len(typical) == 35  # REFERENCES: default trace, 95 %
    counts = [task.count for task in typical]
    assert counts == sorted(counts, reverse=True)
    assert sum(counts) >= 0.95 * len(tasks) > sum(counts[:-1])


@pytest.mark.parametrize("policy", [name for name in openb.POLICIES if name != "random"])
@pytest.mark.parametrize("trace", ["default", "gpuspec33"])
def test_a_run_agrees_with_the_published_one(traces: Path, policy: str, trace: str) -> None:
    published = openb.read_published(traces / "openb")
    done = openb.run(openb.Experiment.load(trace, traces / "openb"), policy, 42)
    (check,) = openb.check([done], published)
    assert check.agrees, check


@pytest.mark.slow
@pytest.mark.parametrize("policy", openb.POLICIES)
@pytest.mark.parametrize("trace", openb.TRACES)
def test_every_run_agrees_with_the_published_tables(traces: Path, policy: str, trace: str) -> None:
    published = openb.read_published(traces / "openb")
    experiment = openb.Experiment.load(trace, traces / "openb")
    checks = openb.check([openb.run(experiment, policy, seed) for seed in openb.SEEDS], published)
    assert len(checks) == (1 if policy == "random" else 10)
    assert all(check.agrees for check in checks), checks


def test_a_check_can_fail(traces: Path) -> None:
    published = openb.read_published(traces / "openb")
    done = openb.run(openb.Experiment.load("default", traces / "openb"), "first_fit", 42)
    posed = openb.Run(**(vars(done) | {"policy": "fgd"}))
    (check,) = openb.check([posed], published)
    assert not check.agrees
    (margin,) = openb.margins([done], published)
    assert margin.gain[0] == pytest.approx(margin.ours[0] - published.mean("default", "fgd")[100])
    with pytest.raises(InvalidModel, match="first_fit"):
        openb.check([done], published)
