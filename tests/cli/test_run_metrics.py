from __future__ import annotations

import threading
import urllib.error
import urllib.request

import pytest
from hal.adapters import Loop

import hal
from hal.cli.run_metrics import RunMetrics
from tests.adapters.memory import MemoryAdapter, Orchestrator


def scrape(metrics: RunMetrics) -> dict[str, float]:
    with urllib.request.urlopen(f"http://127.0.0.1:{metrics.port}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return {
        line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")
    }


def probe(metrics: RunMetrics, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{metrics.port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_probes_tell_a_loop_that_hangs_from_an_orchestrator_that_fails() -> None:
    now = 0.0
    adapter = MemoryAdapter(Orchestrator(nodes=1))
    loop = Loop(adapter, clock=lambda: now)
    metrics = RunMetrics(loop, "best_fit", 0)
    try:
        assert probe(metrics, "/live") == probe(metrics, "/ready") == (200, "ok\n")

        def away(call: str) -> None:
            stop.set()
            raise hal.AdapterError("connection refused")

        stop, adapter.fault = threading.Event(), away
        now = 299.0
        loop.run(stop, interval=0.01)
        now = 598.0
        assert probe(metrics, "/live") == (200, "ok\n")
        assert probe(metrics, "/ready") == (503, "connection refused\n")
        adapter.fault = lambda call: None
        stop.clear()
        loop.run(stop, interval=0.01, report=lambda _: stop.set())
        assert probe(metrics, "/ready") == (200, "ok\n")
        now += 301
        assert probe(metrics, "/live")[0] == 503
        assert probe(metrics, "/elsewhere") == (404, "/metrics, /live, /ready\n")
    finally:
        metrics.close()


def test_a_loop_tells_what_it_did() -> None:
    of = Orchestrator(nodes=1)
    names = of.submit(10, cpus=1)
    adapter = MemoryAdapter(of)

    def lose_one(call: str) -> None:
        if call == f"apply {names[0]}":
            raise TimeoutError

    adapter.fault = lose_one
    loop = Loop(adapter)
    metrics = RunMetrics(loop, "best_fit", 0)
    try:
        metrics.round(loop.step())
        told = scrape(metrics)
        with pytest.raises(hal.AdapterError, match="metrics-port"):
            RunMetrics(loop, "best_fit", metrics.port)
    finally:
        metrics.close()
    assert told['hal_run_info{adapter="memory",policy="best_fit"}'] == 1
    assert told["hal_run_rounds_total"] == 1
    assert told['hal_run_decisions_total{status="PLACED"}'] == 8
    assert told['hal_run_decisions_total{status="UNSCHEDULABLE"}'] == 2
    assert told['hal_run_placements_total{outcome="applied"}'] == 7
    assert told['hal_run_placements_total{outcome="unknown"}'] == 1
    assert told["hal_run_waiting"] == 3
    assert told["hal_run_retries_total"] == told["hal_run_put_off"] == told["hal_run_snapshots_total"] == 1
    assert told["hal_run_decide_seconds_count"] == told["hal_run_apply_seconds_count"] == 1
    with pytest.raises(OSError, match="refused"):
        scrape(metrics)
