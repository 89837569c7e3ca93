from __future__ import annotations

import contextlib
import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from hal.adapters.slurm import JOB_SUBMIT, text
from hal.adapters.slurm.convert import convert
from hal.adapters.slurm.features import compile_features
from hal.adapters.slurm.from_json import job_from_json, node_from_json
from hal.adapters.slurm.nodes import topology_of
from hal.adapters.slurm.records import Gres, JobRecord, NodeRecord, Reservation, Share, parse_gres
from hypothesis import given
from hypothesis import strategies as st

import hal


def rows(path: Path, key: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text())[key]
    return found


def nodes_22(captures: Path) -> list[NodeRecord]:
    return [node_from_json(row) for row in rows(captures / "slurm-22.05.8" / "sinfo.json", "nodes")]


def jobs_22(captures: Path) -> list[JobRecord]:
    return [job_from_json(row) for row in rows(captures / "slurm-22.05.8" / "squeue.json", "jobs")]


def lines(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if "=" in line]


def test_json_and_text_of_one_cluster_agree_on_nodes(captures: Path) -> None:
    told = {node.name: node for node in nodes_22(captures)}
    printed = {
        node.name: node
        for node in map(text.node_from_text, lines(captures / "slurm-22.05.8" / "scontrol_node_oneliner.txt"))
    }
    assert set(told) == set(printed) == {f"cn{i}" for i in range(1, 9)} | {f"gn{i}" for i in range(1, 5)}
    for name, node in told.items():
        other = printed[name]
        assert (node.cpus, node.memory, node.gres, node.features, node.partitions) == (
            other.cpus, other.memory, other.gres, other.features, other.partitions,
        )  # fmt: skip
        assert (node.used_cpus, node.used_memory) == (other.used_cpus, other.used_memory)
        assert node.closed == other.closed == (name == "cn8")


def test_json_and_text_of_one_cluster_agree_on_jobs(captures: Path) -> None:
    told = {job.id: job for job in jobs_22(captures)}
    printed = {
        job.id: job
        for job in map(text.job_from_text, lines(captures / "slurm-22.05.8" / "scontrol_job_detail.txt"))
    }
    assert set(told) == set(printed)
    for number, job in told.items():
        other = printed[number]
        for name in (
            "state", "nodes", "cpus", "tasks", "memory_node", "memory_all", "tres_node", "tres_job",
            "exclusive", "limit", "array", "array_job", "het", "het_offset", "given", "partition",
        ):  # fmt: skip
            assert getattr(job, name) == getattr(other, name), (number, name)
        assert [(s.node, s.cpus, s.memory, s.gres) for s in job.shares] == [
            (s.node, s.cpus, s.memory, s.gres) for s in other.shares
        ]


def test_all_parsers_of_one_release_say_the_same_of_jobs(captures: Path) -> None:
    folder = captures / "slurm-24.11.5"
    first, *others = (
        [job_from_json(row) for row in rows(folder / f"{name}.json", "jobs")]
        for name in ("scontrol_job", "squeue", "squeue_fast", "squeue_complex", "squeue_v0040")
    )
    assert len(first) == 10
    for other in others:
        assert sorted(other, key=lambda job: job.id) == sorted(first, key=lambda job: job.id)
    printed = {job.id: job for job in map(text.job_from_text, lines(folder / "scontrol_job_detail.txt"))}
    for job in first:  # in words of its own
        assert dataclasses.replace(printed[job.id], reason=job.reason, name=job.name) == job


@pytest.mark.parametrize("release", ["slurm-22.05.8", "slurm-24.11.5"])
def test_what_runs_in_a_capture_fits_and_adds_up(captures: Path, release: str) -> None:
    folder = captures / release
    if release == "slurm-22.05.8":
        nodes, jobs = nodes_22(captures), jobs_22(captures)
    else:
        nodes = [node_from_json(row) for row in rows(folder / "scontrol_node.json", "nodes")]
        jobs = [job_from_json(row) for row in rows(folder / "scontrol_job.json", "jobs")]
    now = convert(nodes, jobs, now=1795306200, claims=lambda job: True)
    cluster = hal.Cluster(now.nodes, topology=topology_of((folder / "scontrol_topology.txt").read_text()))
    for running in now.running:
        cluster.bind(running.job, running.nodes, gpus=running.gpus)
    by_name = {node.name: node for node in nodes}
    columns = cluster.columns
    for row, name in enumerate(cluster.node_names()):
        record = by_name[name]
        assert columns.capacity_cpu[row] - columns.free_cpu[row] == record.used_cpus * 1000, name
        assert columns.capacity_memory[row] - columns.free_memory[row] == record.used_memory, name
        used = sum(gres.count for gres in parse_gres(record.used_gres) if gres.name == "gpu")
        begin, count = columns.gpu_begin[row], columns.gpu_count[row]
        assert (columns.gpu_free[begin : begin + count] == 0).sum() == used, name
    # The two components of a heterogeneous job run as two; every array task under its own name.
    names = {running.job.name for running in now.running}
    assert any("_" in name for name in names)
    assert len(names) == len(now.running)


def test_what_cannot_be_said_is_listed() -> None:
    node = NodeRecord("a", ("IDLE",), 8, 1000, "gpu:4,tpu:2", ("x",), ("p",), 0, 0, "")
    base = {"name": "j", "user": "u", "partition": "p", "state": "PENDING", "reason": "JobHeldUser", "priority": 0,
            "nodes": 1, "cpus": 1, "tasks": 1}  # fmt: skip
    jobs = [
        JobRecord(id=1, **base, features="x*2&y"),  # type: ignore[arg-type]
        JobRecord(id=2, **base, het=1, het_offset=1),
        JobRecord(id=3, **base, tres_node="gpu:a:1,gpu:b:1"),  # type: ignore[arg-type]
        JobRecord(id=4, **base | {"cpus": 0}),  # type: ignore[arg-type]
        JobRecord(id=5, **base, features="y"),  # type: ignore[arg-type]
        JobRecord(id=6, **base, tres_node="gpu:1", features="x|y"),  # type: ignore[arg-type]
        JobRecord(id=7, **base | {"nodes": 2, "cpus": 2}, tres_job="tpu:3"),  # type: ignore[arg-type]
        JobRecord(id=8, **base, beyond="contiguous"),  # type: ignore[arg-type]
    ]
    now = convert([node], jobs, now=0, claims=lambda job: True)
    assert [(item.where, item.field, item.effect) for item in now.dropped] == [
        ("job 1", "request", "held"),
        ("job 2", "het_job_id", "held"),
        ("job 3", "gres", "held"),
        ("job 4", "cpus", "held"),
        ("job 7", "tres_per_job", "held"),
        ("job 8", "request", "held"),
    ]
    assert [job.name for job in now.jobs] == ["5", "6"]
    cluster = hal.Cluster(now.nodes)
    assert [placement.nodes for placement in hal.place(cluster, now.jobs)] == [(), ("a",)]


def test_reservations_keep_others_away_and_let_their_own_in() -> None:
    nodes = [NodeRecord(name, ("IDLE",), 8, 1000, "", (), ("p",), 0, 0, "") for name in ("a", "b")]
    base = {"name": "j", "user": "u", "partition": "p", "state": "PENDING", "reason": "JobHeldUser", "priority": 0,
            "nodes": 1, "cpus": 1, "tasks": 1}  # fmt: skip
    jobs = [
        JobRecord(id=1, **base, limit=600),  # type: ignore[arg-type]
        JobRecord(id=2, **base, limit=60),  # type: ignore[arg-type]
        JobRecord(id=3, **base, reservation="r"),  # type: ignore[arg-type]
    ]
    held = [Reservation("r", "a", 100, 1000)]
    now = convert(nodes, jobs, now=0, claims=lambda job: True, reservations=held)
    cluster = hal.Cluster(now.nodes)
    assert [hal.place(cluster, job, "first_fit")[0].nodes for job in now.jobs] == [("b",), ("a",), ("a",)]


def test_reservations_of_parts_of_nodes_hold_what_nobody_of_theirs_uses() -> None:
    nodes = [
        NodeRecord("a", ("MIXED",), 8, 1000, "gpu:4", (), ("p",), 3, 0, "gpu:1(IDX:0)"),
        NodeRecord("b", ("IDLE",), 8, 1000, "", (), ("p",), 0, 0, ""),
        NodeRecord("c", ("MIXED",), 8, 1000, "", (), ("p",), 6, 0, ""),
    ]
    base = {
        "name": "j",
        "user": "u",
        "partition": "p",
        "reason": "JobHeldUser",
        "priority": 0,
        "nodes": 1,
        "tasks": 1,
    }
    inside = JobRecord(id=1, **base, state="RUNNING", cpus=1, reservation="gpus", given="a",
                       shares=(Share("a", 1, 0, "gpu:1(IDX:0)"),))  # fmt: skip
    waits = [JobRecord(id=2, **base, state="PENDING", cpus=1),
             JobRecord(id=3, **base, state="PENDING", cpus=1, reservation="gpus")]  # fmt: skip
    reservations = [
        Reservation("gpus", "a", 0, 1000, (), "cpu=4,gres/gpu=3,gres/gpu:a100=3"),
        Reservation("two", "b,c", 0, 1000, (), "cpu=6"),
        Reservation("later", "b", 500, 1000, (), "cpu=2"),
    ]
    now = convert(nodes, [inside, *waits], now=10, claims=lambda job: True, reservations=reservations)
    held = {
        r.job.name: (r.job.cpu_milli, r.job.gpus) for r in now.running if r.job.name.startswith("reservation")
    }
    assert held == {
        "reservation gpus on a": (3000, 2),
        "reservation two on b": (5000, 0),  # of six over two nodes
        "reservation two on c": (2000, 0),  # no more than what is left there
    }
    assert [(item.where, item.field) for item in now.dropped] == [("job 3", "reservation")]
    cluster = hal.Cluster(now.nodes)
    for running in now.running:
        cluster.bind(running.job, running.nodes, gpus=running.gpus)
    assert cluster.columns.free_cpu.tolist() == [
        4000,
        3000,
        6000,
    ]  # the others that use 2 of a and 6 of c are not told
    (job,) = now.jobs
    (selector,) = job.selector
    assert isinstance(selector, hal.Selector)
    assert list(selector.values) == [
        "a",
        "c",
    ]  # b is reserved before the job's limit, and how much of it is not asked
    whole = convert(nodes, waits[:1], now=10, claims=lambda job: True,
                    reservations=[Reservation("all", "b", 0, 1000, (), "cpu=8")])  # fmt: skip
    assert not whole.running


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        ("gpu:a100:4(S:0-1)", [Gres("gpu", "a100", 4)]),
        ("gpu:a100:2(IDX:0-1)", [Gres("gpu", "a100", 2, (0, 1))]),
        ("gpu:a100:0(IDX:N/A)", [Gres("gpu", "a100", 0, ())]),
        ("gpu:(null):4(IDX:0-3)", [Gres("gpu", "", 4, (0, 1, 2, 3))]),
        ("gpu:8(S:0-3)", [Gres("gpu", "", 8)]),
        ("gpu:a:1(IDX:0,3),shard:8", [Gres("gpu", "a", 1, (0, 3)), Gres("shard", "", 8)]),
        ("gres:gpu:a100:2", [Gres("gpu", "a100", 2)]),
        ("gres/gpu=2", [Gres("gpu", "", 2)]),
        ("gpu", [Gres("gpu", "", 1)]),
        ("bandwidth:lustre:2K", [Gres("bandwidth", "lustre", 2048)]),
        ("", []),
        ("(null)", []),
    ],
)
def test_gres_as_seen(given_text: str, expected: list[Gres]) -> None:
    assert parse_gres(given_text) == expected


def test_names_and_comments_cannot_pose_as_fields() -> None:
    line = (
        "JobId=7 JobName=x UserId=root(0) JobState=RUNNING NodeList=evil UserId=me(1) GroupId=g(1) Priority=0 "
        "JobState=PENDING Reason=JobHeldUser NumNodes=1 NumCPUs=2 NumTasks=2 NodeList= Comment=hal JobState=RUNNING"
    )
    job = text.job_from_text(line)
    assert (job.name, job.state, job.given) == (
        "x UserId=root(0) JobState=RUNNING NodeList=evil",
        "PENDING",
        "",
    )
    assert job.comment.startswith("hal")


def test_the_plugin_is_in_the_package() -> None:
    assert "function slurm_job_submit(" in JOB_SUBMIT.read_text()


def test_feature_expressions() -> None:
    assert compile_features("(a|b)&c")({"b", "c"})
    assert not compile_features("(a|b)&c")({"a", "b"})
    assert compile_features("a|b&c")({"a", "c"})
    for bad in ("a&", "a*2", "(a", "[a|b]", "&a", "a)", ""):
        with pytest.raises(hal.InvalidModel):
            compile_features(bad)


@given(st.text(alphabet="ab&|()[]* ", max_size=12))
def test_any_feature_expression_is_a_test_or_a_typed_error(expression: str) -> None:
    try:
        answer = compile_features(expression)({"a"})
    except hal.InvalidModel:
        return
    assert isinstance(answer, bool)


@given(st.text(max_size=60))
def test_any_line_is_a_record_or_a_typed_error(line: str) -> None:
    for read in (text.node_from_text, text.job_from_text, text.reservation_from_text):
        with pytest.raises(hal.AdapterError):
            read(line)
    with contextlib.suppress(hal.AdapterError):
        parse_gres(line)
