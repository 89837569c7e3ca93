from __future__ import annotations

import contextlib
import dataclasses

import pytest
from hal.adapters.slurm.convert import convert
from hal.adapters.slurm.records import JobRecord, NodeRecord
from hal.adapters.slurm.waits import Licences, Others, Unsaid
from hypothesis import given
from hypothesis import strategies as st


def job(number: int, state: str = "PENDING", **fields: object) -> JobRecord:
    base = {"name": "j", "user": "u", "partition": "p", "reason": "JobHeldUser", "priority": 0, "nodes": 1, "cpus": 1,
            "tasks": 1}  # fmt: skip
    return JobRecord(id=number, state=state, **base | fields)  # type: ignore[arg-type]


OTHERS = Others(
    [
        job(1, "COMPLETED"),
        job(2, "FAILED"),
        job(3, "RUNNING"),
        job(4),
        job(6, "COMPLETED", array_job=5, array="0"),
        job(7, "RUNNING", array_job=5, array="1"),
        job(9, "COMPLETED", array_job=8, array="0"),
        job(8, array_job=8, array="1-3"),
    ]
)


@pytest.mark.parametrize(
    ("dependency", "may"),
    [
        ("", True),
        ("afterok:1(unfulfilled)", True),
        ("afterok:2(failed)", False),
        ("afternotok:2(unfulfilled)", True),
        ("afternotok:1(failed)", False),
        ("afterany:1:2", True),
        ("afterany:1:3", False),
        ("after:3(unfulfilled)", True),
        ("after:4(unfulfilled)", False),
        ("afterok:1(unfulfilled),afterany:3(unfulfilled)", False),
        ("afterok:2(failed)?afterany:1(unfulfilled)", True),
        ("afterany:5_*(unfulfilled)", False),
        ("afterok:5_0(unfulfilled)", True),
        ("afterok:8_*(unfulfilled)", False),
        ("after:8_*(unfulfilled)", False),
    ],
)
def test_what_others_let(dependency: str, may: bool) -> None:
    assert OTHERS.let(dependency) is may


@pytest.mark.parametrize(
    "dependency", ["afterok:99", "singleton", "aftercorr:5", "after:3+10", "expand:1", "afterok:"]
)
def test_what_cannot_be_decided_is_said(dependency: str) -> None:
    with pytest.raises(Unsaid):
        OTHERS.let(dependency)


@given(st.text(alphabet="afterokny:,?0123456789_*()+ ", max_size=30))
def test_any_dependency_is_decided_or_unsaid(dependency: str) -> None:
    with contextlib.suppress(Unsaid):
        assert OTHERS.let(dependency) in (True, False)


def test_licences_are_dealt_out_once() -> None:
    free = Licences({"fluent": 4, "matlab": 1})
    assert free.take("fluent:3,matlab")
    assert not free.take("matlab")
    assert not free.take("fluent:1,matlab:1")  # all or nothing
    assert free.take("fluent")
    assert not free.take("fluent")
    assert free.take("")
    for bad in ("abaqus", "fluent:x", "fluent|matlab"):
        with pytest.raises(Unsaid):
            free.take(bad)


def test_waiting_jobs_get_what_those_on_their_way_leave() -> None:
    node = NodeRecord("a", ("IDLE",), 8, 1000, "", (), ("p",), 0, 0, "")
    jobs = [
        job(1, licenses="fluent:2"),
        job(2, licenses="fluent:2", reason="Priority", priority=5, required="a"),  # pinned and released
        job(3, licenses="fluent:1", dependency="afterok:9(unfulfilled)"),
        job(4, licenses="fluent:1", dependency="afterany:5(unfulfilled)"),
        job(5, "CANCELLED"),
        job(6, licenses="tool"),
    ]
    now = convert([node], jobs, now=0, claims=lambda job: True, licences={"fluent": 3})
    assert [one.name for one in now.jobs] == ["4"]
    assert [running.job.name for running in now.running] == ["2"]
    assert [(item.where, item.field, item.effect) for item in now.dropped] == [
        ("job 1", "licenses", "waits"),
        ("job 3", "dependency", "held"),
        ("job 6", "licenses", "held"),
    ]


@pytest.mark.parametrize(
    "reason", ["PartitionTimeLimit", "JobArrayTaskLimit", "QOSMaxJobsPerUserLimit", "Licenses"]
)
def test_what_slurm_keeps_from_its_nodes_does_not_hold_them(reason: str) -> None:
    node = NodeRecord("a", ("IDLE",), 8, 1000, "", (), ("p",), 0, 0, "")
    sent = job(1, reason=reason, priority=5, required="a")
    now = convert([node], [sent, job(2)], now=0, claims=lambda job: True)
    assert not now.running
    assert [one.name for one in now.jobs] == ["2"]
    sent = dataclasses.replace(sent, reason="Resources")  # it may start now
    assert [each.job.name for each in convert([node], [sent], now=0, claims=lambda job: True).running] == [
        "1"
    ]


@given(
    st.integers(1, 12), st.integers(0, 12), st.integers(0, 12)
)  # tasks that wait, at once, that have begun
def test_no_more_tasks_of_an_array_than_may_run_at_once(count: int, most: int, begun: int) -> None:
    node = NodeRecord("a", ("IDLE",), 64, 1000, "", (), ("p",), 0, 0, "")
    parent = job(9, array_job=9, array=f"{begun}-{begun + count - 1}" + (f"%{most}" if most else ""))
    others = [
        job(20 + task, ("RUNNING", "PENDING")[task % 2], array_job=9, array=str(task), required="a",
            given="a", priority=5, reason="Priority")
        for task in range(begun)
    ]  # fmt: skip
    now = convert([node], [parent, *others], now=0, claims=lambda job: True)
    expected = count if not most else min(count, max(0, most - begun))
    assert [one.name for one in now.jobs] == [f"9_{begun + task}" for task in range(expected)]
