"""Against the tests' own Nomad: the contract, steering, and what goes wrong on a network."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hal.adapters import JobQueued, Loop, Mirror, Outcome, Stale
from hal.adapters.conformance import CHECKS, Harness, books
from hal.adapters.nomad import NomadAdapter

import hal
from tests.adapters.nomad.conftest import GATE, job, node
from tests.adapters.nomad.server import TOKEN, Nomad

GPU_NODE = "gpu-1-cafe0000"
RUNNING = ("running", "pending")


def connect(nomad: Nomad, **more: Any) -> NomadAdapter:
    return NomadAdapter(address=nomad.address, token=TOKEN, **{"timeout": 3.0, **more})


def until(true: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.02)


def follow(adapter: NomadAdapter) -> None:
    for _ in range(20):
        list(adapter.watch(adapter.version, timeout=0.2))


class NomadHarness:
    """What the contract's checks do to Nomad."""

    patience = 5.0

    def __init__(self, nomad: Nomad, **options: Any) -> None:
        self.nomad, self.options, self.count = nomad, options, 0
        self.made: list[NomadAdapter] = []

    def adapter(self) -> NomadAdapter:
        self.made.append(connect(self.nomad, **self.options))
        return self.made[-1]

    def submit(self, count: int) -> list[str]:
        names = []
        for _ in range(count):
            self.count += 1
            self.nomad.register(job(f"job{self.count}"))
            names.append(f"job{self.count}.main")
        return names

    def withdraw(self, job: str) -> None:
        self.nomad.purge(job.removesuffix(".main"))

    def seize(self, job: str, node: str) -> bool:
        raw = self.nomad.jobs["default", job.removesuffix(".main")]
        ((group),) = raw["TaskGroups"]
        pin = {**GATE, "RTarget": ids(self.nomad)[node]}
        self.nomad.register({**raw, "TaskGroups": [{**group, "Constraints": [pin]}]})
        return True

    def where(self, job: str) -> Sequence[str]:
        return where(self.nomad, job)

    def close_node(self, node: str, closed: bool) -> None:
        state = "ineligible" if closed else "eligible"
        self.nomad.set_node(ids(self.nomad)[node], SchedulingEligibility=state)


def ids(nomad: Nomad) -> dict[str, str]:
    return {f"{row['Name']}-{key[:8]}": key for key, row in nomad.nodes.items()}


def where(nomad: Nomad, name: str) -> list[str]:
    names = {key: name for name, key in ids(nomad).items()}
    job_id, _, group = name.rpartition(".")
    return [
        names[a["NodeID"]] for a in nomad.allocs.values()
        if a["JobID"] == job_id and a["TaskGroup"] == group and a["ClientStatus"] in RUNNING
    ]  # fmt: skip


@pytest.fixture
def harness(nomad: Nomad) -> Iterator[NomadHarness]:
    made = NomadHarness(nomad)
    yield made
    for adapter in made.made:
        adapter.close()


@pytest.mark.parametrize("events", [True, False], ids=["events", "blocking queries"])
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_nomad_keeps_the_contract(
    check: Callable[[Harness], None], harness: NomadHarness, events: bool
) -> None:
    harness.options = {"events": events}
    check(harness)


def test_groups_go_where_hal_puts_them(harness: NomadHarness) -> None:
    nomad = harness.nomad
    nomad.register(job("wide", count=3, Constraints=[{"Operand": "distinct_hosts", "RTarget": "true"}]))
    nomad.register(job("dense", count=5, cpu=1500))
    nomad.register(job("train", gpus=2, Priority=80))
    nomad.register(job("huge", cpu=9000))
    adapter = harness.adapter()
    loop = Loop(adapter, policy="worst_fit")
    done = loop.step()
    assert done.outcomes() == {"applied": 3}
    placed = {placement.job: placement for placement in done.placements if placement.placed}
    assert next(iter(placed)) == "train.main"  # the priority of the job is the order of the queue
    for name, placement in placed.items():
        assert sorted(where(nomad, name)) == sorted(placement.nodes)
    assert placed["train.main"].nodes == (GPU_NODE,)
    assert len(set(placed["wide.main"].nodes)) == 3
    assert (
        max(Counter(placed["dense.main"].nodes).values()) == 2
    )  # several on one node: constraint and spread
    assert set(done.reasons) == {"huge.main"}
    loop.follow(1)
    fresh = harness.adapter().snapshot()
    assert books(loop.mirror.cluster) == books(fresh.cluster)
    (train,) = [running for running in fresh.running if running.job.name == "train.main"]
    assert train.gpus == ((2, 3),)  # the devices are Nomad's choice; the books follow it


def test_groups_of_one_job_are_placed_one_by_one(harness: NomadHarness) -> None:
    nomad = harness.nomad
    made = job("pair", Constraints=[dict(GATE)])
    first = {**made["TaskGroups"][0], "Constraints": None}
    made["TaskGroups"] = [first, {**first, "Name": "other"}]
    nomad.register(made)
    adapter = harness.adapter()
    snapshot = adapter.snapshot()
    assert [waits.name for waits in snapshot.jobs] == ["pair.main", "pair.other"]
    one, two = hal.place(snapshot.cluster, snapshot.jobs, "worst_fit")
    (answer,) = adapter.apply([one])
    assert answer.outcome is Outcome.APPLIED
    assert where(nomad, "pair.other") == []  # the gate of the job is now its own
    (answer,) = adapter.apply([two])
    assert answer.outcome is Outcome.APPLIED
    assert where(nomad, "pair.main") == list(one.nodes)
    assert where(nomad, "pair.other") == list(two.nodes)


def test_what_is_not_for_hal_is_left_alone(harness: NomadHarness) -> None:
    nomad = harness.nomad
    nomad.register(job("theirs", Meta=None))
    nomad.register(job("ungated", gated=False))
    nomad.register(job("service", Type="system"))
    nomad.register(
        job("odd", Constraints=[{"LTarget": "${attr.os.version}", "Operand": "version", "RTarget": ">2"}])
    )
    snapshot = harness.adapter().snapshot()
    assert not snapshot.jobs
    held = {item.where: item.field for item in snapshot.dropped if item.effect == "held"}
    assert held == {"job service.main": "Type", "job odd.main": "Constraints"}
    assert {running.job.name for running in snapshot.running} >= {"ungated.main"}


def test_a_lost_node_sends_its_groups_back(harness: NomadHarness) -> None:
    nomad = harness.nomad
    (name,) = harness.submit(1)
    loop = Loop(harness.adapter())
    (placement,) = loop.step().placements
    (lost,) = placement.nodes
    nomad.set_node(ids(nomad)[lost], Status="down")
    until(lambda: loop.follow(0.2) >= 0 and name in loop.mirror.waiting)
    (again,) = loop.step().placements
    assert again.placed
    assert where(nomad, name) == list(again.nodes) != [lost]
    nomad.set_node(ids(nomad)[lost], Status="ready")
    assert loop.follow(0.5) >= 0
    assert len(where(nomad, name)) == 1


def test_a_plan_that_fails_is_a_refusal_and_another_node_is_tried(harness: NomadHarness) -> None:
    nomad = harness.nomad
    (name,) = harness.submit(1)
    adapter = harness.adapter()
    snapshot = adapter.snapshot()
    (placement,) = hal.place(snapshot.cluster, snapshot.jobs)
    refused = ids(nomad)[placement.nodes[0]]
    nomad.nodes[refused]["NodeResources"] = {
        **nomad.nodes[refused]["NodeResources"],
        "Cpu": {"CpuShares": 300},
    }
    (answer,) = adapter.apply([placement])  # it has said more than it has
    assert answer.outcome is Outcome.REFUSED
    assert "1 cpu" in answer.detail
    deltas = list(adapter.watch(adapter.version, timeout=1))
    (queued,) = [delta.job for delta in deltas if isinstance(delta, JobQueued)]
    (other,) = hal.place(adapter.snapshot().cluster, [queued])
    assert other.nodes != placement.nodes
    (answer,) = adapter.apply([other])
    assert answer.outcome is Outcome.APPLIED
    assert where(nomad, name) == list(other.nodes)


def test_a_pin_that_leads_nowhere_is_taken_back(harness: NomadHarness) -> None:
    nomad = harness.nomad
    (name,) = harness.submit(1)
    harness.options = {"patience": 0.5}
    loop = Loop(harness.adapter())
    assert loop.mirror.waiting
    schedule, nomad.schedule = nomad.schedule, lambda: None  # type: ignore[method-assign]  # Nomad has stopped placing
    (placement,) = loop.step().placements
    loop.follow(0.3)
    assert name in loop.mirror.running
    until(lambda: loop.follow(0.2) >= 0 and name in loop.mirror.waiting)
    nomad.schedule = schedule  # type: ignore[method-assign]
    done = loop.step()
    assert done.outcomes() == {"applied": 1}
    assert done.placements[0].nodes != placement.nodes
    assert where(nomad, name) == list(done.placements[0].nodes)


@pytest.mark.slow
def test_ten_thousand_events_in_a_burst(nomad: Nomad) -> None:
    nomad.keep = 100_000
    adapter = connect(nomad)
    snapshot = adapter.snapshot()
    mirror = Mirror(snapshot)
    first = next(iter(nomad.nodes))
    for count in range(10_000):
        nomad.set_node(first, StatusDescription=f"change {count}") if count % 10 else nomad.register(
            job(f"burst{count % 100}", cpu=1)
        )
    end, version = nomad.index, snapshot.version
    while int(adapter.version) < end:
        mirror.follow(adapter.watch(version, timeout=0.5))
        version = adapter.version
    other = connect(nomad)
    fresh = other.snapshot()
    assert books(mirror.cluster) == books(fresh.cluster)
    assert list(mirror.waiting) == [waits.name for waits in fresh.jobs]
    adapter.close()
    other.close()


def test_a_broken_stream_goes_on_where_it_was(harness: NomadHarness) -> None:
    nomad = harness.nomad
    adapter = harness.adapter()
    mirror = Mirror(adapter.snapshot())
    (before,) = harness.submit(1)
    until(
        lambda: mirror.follow(adapter.watch(adapter.version, timeout=0.2)) >= 0 and before in mirror.waiting
    )
    reads = nomad.calls.count("GET /v1/nodes")
    nomad.break_streams()
    (after,) = harness.submit(1)
    until(lambda: mirror.follow(adapter.watch(adapter.version, timeout=0.2)) >= 0 and after in mirror.waiting)
    assert nomad.calls.count("GET /v1/nodes") == reads  # by its index, without reading everything


def test_a_server_that_is_gone_is_said(harness: NomadHarness) -> None:
    nomad = harness.nomad
    adapter = harness.adapter()
    adapter.snapshot()
    nomad.fault = lambda method, path: "503"
    nomad.break_streams()
    with pytest.raises(hal.AdapterError, match="503"):
        follow(adapter)


def test_a_stream_that_breaks_off_again_at_once_is_said(harness: NomadHarness) -> None:
    nomad = harness.nomad
    adapter = harness.adapter()
    adapter.snapshot()
    nomad.fault = lambda method, path: "truncate"
    nomad.break_streams()
    with pytest.raises(hal.AdapterError, match="event/stream"):
        follow(adapter)


def test_events_that_are_not_kept_are_stale(harness: NomadHarness) -> None:
    nomad = harness.nomad
    adapter = harness.adapter()
    adapter.snapshot()
    harness.submit(1)
    list(adapter.watch(adapter.version, timeout=1))
    nomad.keep = 3
    nomad.break_streams()
    harness.submit(5)
    with pytest.raises(Stale):
        follow(adapter)
    with pytest.raises(Stale):
        list(adapter.watch("1", timeout=0.1))


def test_an_index_that_goes_back_is_stale(harness: NomadHarness) -> None:
    nomad = harness.nomad
    adapter = harness.adapter()
    adapter.snapshot()
    with nomad.changed:  # restored from an old backup
        nomad.events = [(7, [{**nomad.events[-1][1][0], "Index": 7}])]
        nomad.break_streams()
    with pytest.raises(Stale):
        follow(adapter)
    loop = Loop(harness.adapter())
    loop.follow(0.1)
    harness.submit(1)
    until(lambda: loop.follow(0.2) >= 0 and len(loop.mirror.waiting) == 1)


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["500", "503", "429", "slow2", "truncate", "nonsense"])
def test_reading_through_faults(harness: NomadHarness, fault: str) -> None:
    nomad = harness.nomad
    adapter = connect(nomad, timeout=0.7)
    harness.made.append(adapter)
    nomad.fault = lambda method, path: fault
    with pytest.raises(hal.AdapterError):
        adapter.snapshot()
    nomad.fault = lambda method, path: ""
    names = harness.submit(2)
    stop = threading.Event()
    failing = iter([fault] * 3)
    nomad.fault = lambda method, path: next(failing, "")
    loop = Loop(adapter)
    thread = threading.Thread(target=loop.run, args=(stop,), kwargs={"interval": 0.2})
    thread.start()
    try:
        until(lambda: all(len(where(nomad, name)) == 1 for name in names), 30)
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("fault", ["500", "slow2", "truncate"])
def test_a_registration_without_an_answer_is_neither_lost_nor_doubled(
    harness: NomadHarness, fault: str
) -> None:
    nomad = harness.nomad
    (name,) = harness.submit(1)
    adapter = connect(nomad, timeout=0.7)
    harness.made.append(adapter)
    snapshot = adapter.snapshot()
    (placement,) = hal.place(snapshot.cluster, snapshot.jobs)
    nomad.fault = lambda method, path: fault if (method, path) == ("POST", "/v1/jobs") else ""
    (answer,) = adapter.apply([placement])
    assert answer.outcome is Outcome.UNKNOWN
    nomad.fault = lambda method, path: ""
    until(lambda: fault == "500" or where(nomad, name) == list(placement.nodes))
    (answer,) = adapter.apply([placement])
    assert answer.outcome in ((Outcome.APPLIED,) if fault == "500" else (Outcome.ALREADY,))
    assert where(nomad, name) == list(placement.nodes)


def test_a_job_changed_between_plan_and_registration_is_a_conflict(harness: NomadHarness) -> None:
    nomad = harness.nomad
    (name,) = harness.submit(1)
    adapter = harness.adapter()
    snapshot = adapter.snapshot()
    (placement,) = hal.place(snapshot.cluster, snapshot.jobs)

    def change(method: str, path: str) -> str:
        if (method, path) == ("POST", "/v1/jobs"):
            nomad.register(job("job1", cpu=700))
        return ""

    nomad.fault = change
    (answer,) = adapter.apply([placement])
    assert answer.outcome is Outcome.CONFLICT
    assert "index" in answer.detail
    assert not where(nomad, name)
    nomad.fault = lambda method, path: ""
    assert [waits.cpu_milli for waits in adapter.snapshot().jobs] == [700]


def test_an_expired_token_is_said_and_never_shown(
    harness: NomadHarness, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    nomad = harness.nomad
    (name,) = harness.submit(1)
    adapter = harness.adapter()
    snapshot = adapter.snapshot()
    nomad.token = "another"
    with pytest.raises(hal.AdapterError, match="403 Permission denied") as caught:
        adapter.snapshot()
    (placement,) = hal.place(snapshot.cluster, snapshot.jobs)
    (answer,) = adapter.apply([placement])
    assert answer.outcome is Outcome.REFUSED
    loop, stop = Loop(adapter), threading.Event()
    thread = threading.Thread(target=loop.run, args=(stop,), kwargs={"interval": 0.1})
    thread.start()
    time.sleep(0.4)
    nomad.token = TOKEN
    until(lambda: len(where(nomad, name)) == 1, 20)
    stop.set()
    thread.join()
    assert "the orchestrator failed" in caplog.text
    shown = (
        caplog.text + str(caught.value) + answer.detail + repr([vars(record) for record in caplog.records])
    )
    assert TOKEN not in shown


def test_a_token_from_a_file_is_read_anew(nomad: Nomad, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    adapter = NomadAdapter(address=nomad.address, token_file=str(tmp_path / "token"))
    assert len(adapter.snapshot().nodes) == 4
    nomad.token = "renewed"
    (tmp_path / "token").write_text("renewed")
    assert len(adapter.snapshot().nodes) == 4
    adapter.close()
    nowhere = NomadAdapter(address=nomad.address, token_file=str(tmp_path / "none"))
    with pytest.raises(hal.AdapterError, match="token_file"):
        nowhere.snapshot()
    nowhere.close()


def test_nobody_there() -> None:
    nobody = NomadAdapter(address="http://127.0.0.1:9", timeout=1.0)
    with pytest.raises(hal.AdapterError, match="/v1/nodes"):
        nobody.snapshot()
    nobody.close()
    with pytest.raises(hal.AdapterError, match="certificates"):
        NomadAdapter(address="https://127.0.0.1:9", ca_cert="/nonexistent")


def test_nodes_come_and_go(harness: NomadHarness) -> None:
    nomad = harness.nomad
    adapter = harness.adapter()
    mirror = Mirror(adapter.snapshot())
    nomad.add_node(node("beef0000-0000-4000-8000-000000000002", "late", gpus=1))
    until(
        lambda: (
            mirror.follow(adapter.watch(adapter.version, timeout=0.2)) >= 0
            and "late-beef0000" in mirror.cluster
        )
    )
    nomad.remove_node("beef0000-0000-4000-8000-000000000002")
    until(
        lambda: mirror.follow(adapter.watch(adapter.version, timeout=0.2)) >= 0 and len(mirror.cluster) == 4
    )


@pytest.mark.slow
def test_the_command_line_advises_then_does(harness: NomadHarness) -> None:
    nomad = harness.nomad
    (name,) = harness.submit(1)
    nomad.register(job("huge", cpu=9000))
    command = [str(Path(sys.executable).with_name("hal"))]
    source = ["--adapter", "nomad", "-o", f"address={nomad.address}", "--policy", "best_fit"]
    environment = {**os.environ, "NOMAD_TOKEN": TOKEN}
    told = subprocess.run(
        [*command, "advise", *source, "--json"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env=environment,
    )
    rows = {row["job"]: row for row in json.loads(told.stdout)["placements"]}
    assert rows[name]["status"] == "PLACED"
    assert rows["huge.main"]["status"] == "INFEASIBLE"
    assert not where(nomad, name)
    done = subprocess.run(
        [*command, "run", *source, "--rounds", "2", "--interval", "0.2"],
        capture_output=True, text=True, timeout=60, check=True, env=environment,
    )  # fmt: skip
    assert where(nomad, name) == rows[name]["nodes"]
    assert {"applied": 1} in [json.loads(line).get("outcomes") for line in done.stderr.splitlines()]
    assert TOKEN not in done.stderr + done.stdout
