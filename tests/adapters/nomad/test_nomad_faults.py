"""Against the tests' own Nomad: what goes wrong on a network."""

from __future__ import annotations

import logging
import threading

import pytest
from hal.adapters import Loop, Mirror, Outcome, Stale
from hal.adapters.conformance import books
from hal.adapters.nomad import NomadAdapter

import hal
from tests.adapters.nomad.harness import NomadHarness, connect, follow, where
from tests.adapters.nomad.objects import job
from tests.adapters.nomad.server import TOKEN, Nomad
from tests.waiting import until


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
        until(lambda: all(len(where(nomad, name)) == 1 for name in names))
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("fault", ["500", "slow2", "truncate"])
def test_a_registration_without_an_answer_is_neither_lost_nor_doubled(
    harness: NomadHarness, fault: str
) -> None:
    nomad = harness.nomad
    (name,) = harness.submit(1)
    adapter = harness.adapter()
    snapshot = adapter.snapshot()
    (placement,) = hal.place(snapshot.cluster, snapshot.jobs)
    nomad.fault = lambda method, path: fault if (method, path) == ("POST", "/v1/jobs") else ""
    patience, adapter.client.timeout = adapter.client.timeout, 0.7
    (answer,) = adapter.apply([placement])
    assert answer.outcome is Outcome.UNKNOWN
    nomad.fault, adapter.client.timeout = (lambda method, path: ""), patience
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
    try:
        until(lambda: "the orchestrator failed" in caplog.text)
        nomad.token = TOKEN
        until(lambda: len(where(nomad, name)) == 1)
    finally:
        stop.set()
        thread.join()
    shown = (
        caplog.text + str(caught.value) + answer.detail + repr([vars(record) for record in caplog.records])
    )
    assert TOKEN not in shown


def test_nobody_there() -> None:
    nobody = NomadAdapter(address="http://127.0.0.1:9", timeout=1.0)
    with pytest.raises(hal.AdapterError, match="/v1/nodes"):
        nobody.snapshot()
    nobody.close()
    with pytest.raises(hal.AdapterError, match="certificates"):
        NomadAdapter(address="https://127.0.0.1:9", ca_cert="/nonexistent")
