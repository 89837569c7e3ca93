from __future__ import annotations

import dataclasses
import re

from hal.adapters.slurm.convert import convert
from hal.adapters.slurm.hetjobs import components, pin, pinned, settled, unpin
from hal.adapters.slurm.records import JobRecord, NodeRecord, hosts
from hypothesis import given
from hypothesis import strategies as st

import hal

NAMES = [f"n{i}" for i in range(8)]
NODES = [NodeRecord(name, ("IDLE",), 8, 1000, "", (), ("p",), 0, 0, "") for name in NAMES]


def part(offset: int, **more: object) -> JobRecord:
    base = {"id": 7 + offset, "name": "j", "user": "u", "partition": "p", "state": "PENDING", "reason": "JobHeldUser",
            "priority": 0, "nodes": 1, "cpus": 1, "tasks": 1, "het": 7, "het_offset": offset}  # fmt: skip
    return JobRecord(**base | more)


def told(jobs: list[JobRecord], commands: list[str]) -> list[JobRecord]:
    """What slurmctld makes of commands: changes of the first component reach all, those of others do not."""
    for command in commands:
        found = re.match(r"(update|release|hold) (?:JobId=)?(\d+)", command)
        assert found is not None
        change: dict[str, object] = {"release": {"priority": 1, "reason": "None"},
                                     "hold": {"priority": 0, "reason": "JobHeldAdmin"}}.get(found[1], {})  # fmt: skip
        for key, field in (("ExcNodeList", "excluded"), ("ReqNodeList", "required")):
            if (value := re.search(rf"{key}=(\S*)", command)) is not None:
                change[field] = value[1]
        if (value := re.search('AdminComment="(.*)"', command)) is not None:
            change["admin_comment"] = value[1]
        assert "required" not in change or found[2] != "7", "refused of the first component"
        jobs = [dataclasses.replace(job, **change) if found[2] in ("7", str(job.id)) else job for job in jobs]
    return jobs


wanted = st.lists(
    st.tuples(st.integers(1, 3), st.lists(st.sampled_from(NAMES), max_size=3, unique=True)),
    min_size=2,
    max_size=12,
)


@given(wanted, st.data())
def test_pins_can_be_read_and_taken_off_wherever_the_commands_end(
    wanted: list[tuple[int, list[str]]], data: st.DataObject
) -> None:
    jobs = [
        part(i, nodes=nodes, cpus=nodes, excluded=",".join(excluded))
        for i, (nodes, excluded) in enumerate(wanted)
    ]
    now = convert(NODES, jobs, now=0, claims=lambda job: True)
    assert now.jobs or [item.value.endswith("components, of more than 8") for item in now.dropped] == [True]
    cluster = hal.Cluster(now.nodes)
    for job in now.jobs:
        (placement,) = hal.place(cluster, [job])
        if not placement.placed:
            continue
        assert len(set(placement.nodes)) == len(placement.nodes)
        commands = pin(jobs, placement, NAMES)
        known = settled(told(jobs, commands), NAMES)
        assert pinned(known)
        assert [each.excluded for each in known] == [each.excluded for each in jobs]
        for role in set(placement.roles):  # components that ask for the same are one
            chosen = {n for n, name in zip(placement.nodes, placement.roles, strict=True) if name == role}
            parts = [each for each in known if str(each.id) in role.split("+")]
            assert {node for each in parts for node in hosts(each.required)} == chosen
            assert all(len(hosts(each.required)) == each.nodes for each in parts)
        after = convert(NODES, known, now=0, claims=lambda job: True)
        assert {running.job.name for running in after.running} == {str(each.id) for each in jobs}
        some = told(jobs, commands[: data.draw(st.integers(0, len(commands)))])
        if pinned(some):
            some = told(some, unpin(settled(some, NAMES)))
            assert [(j.excluded, j.required, j.held) for j in some] == [(j.excluded, "", True) for j in jobs]


def test_components_belong_together() -> None:
    jobs = [part(1), part(0), part(0, id=3, het=0)]
    assert {first: [each.id for each in parts] for first, parts in components(jobs).items()} == {7: [7, 8]}
    ours = convert(NODES, [part(0, comment="hal"), part(1)], now=0, claims=lambda job: job.comment == "hal")
    assert not ours.jobs
    assert [(d.where, d.field, d.effect) for d in ours.dropped] == [("job 7", "het_job_id", "held")]
    later = convert(NODES, [part(0), part(1, eligible=5)], now=0, claims=lambda job: True)
    assert not later.jobs
    assert [(d.where, d.field, d.effect) for d in later.dropped] == [("job 7", "begin", "waits")]
    many = convert(NODES, [part(i, cpus=i + 1) for i in range(33)], now=0, claims=lambda job: True)
    assert [(d.where, d.value) for d in many.dropped] == [
        ("job 7", "33 different components, of more than 32")
    ]
    ranked = convert(NODES, [part(0, reason="None", priority=5), part(1, reason="None", priority=5)], now=0,
                     claims=lambda job: True, released=True)  # fmt: skip
    assert [(d.where, d.field) for d in ranked.dropped] == [("job 7", "het_job_id"), ("job 8", "het_job_id")]
