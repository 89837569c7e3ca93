"""What a real OpenTelemetry collector makes of the spans of ``hal serve`` and ``hal run``."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.server.live import answers, free_port, plugin, process
from tests.server.otlp import collector
from tests.waiting import until

pytestmark = pytest.mark.server

HAL = str(Path(sys.executable).with_name("hal"))


def test_a_caller_s_trace_goes_on_in_hal_serve(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text(json.dumps({"nodes": [{"name": "n", "cpus": 8}]}))
    port, number = free_port(), "4bf92f3577b34da6a3ce929d0e0e4736"
    command = [HAL, "serve", "--cluster", str(tmp_path / "c.json"), "--port", str(port), "--no-token"]
    with collector(tmp_path) as told:
        with process(command, tmp_path / "log", OTEL_EXPORTER_OTLP_ENDPOINT=told.endpoint):
            address = f"http://127.0.0.1:{port}"
            until(lambda: answers(f"{address}/ready"), "ready")
            for headers in ({"traceparent": f"00-{number}-00f067aa0ba902b7-01"}, {}):
                jobs = [{"name": "a", "cpus": 1}, {"name": "b", "cpus": 1}]
                answer = httpx.post(
                    f"{address}/v1/place", json={"jobs": jobs}, headers=headers, trust_env=False
                )
                assert answer.status_code == 200
        until(lambda: len(told.spans) == 2, str(told.spans))  # the rest is sent when it ends
    ours = next(span for span in told.spans if span.trace.hex() == number)
    assert (ours.service, ours.name, ours.parent.hex()) == ("hal-serve", "hal.place", "00f067aa0ba902b7")
    assert ours.attributes == {"jobs": 2}
    assert 0 < ours.end - ours.begin < 60e9
    other = next(span for span in told.spans if span is not ours)
    assert not other.parent


def test_hal_run_tells_each_job_from_its_submission_to_its_place(tmp_path: Path) -> None:
    path = plugin(tmp_path, "queue", "tests.server.busy:QueueAdapter")
    command = [HAL, "run", "--adapter", "queue", "--rounds", "2", "--interval", "0.05"]
    begin = time.time_ns()
    with collector(tmp_path) as told:
        where = {"OTEL_EXPORTER_OTLP_ENDPOINT": told.endpoint, "PYTHONPATH": path}
        with process(command, tmp_path / "log", **where) as running:
            assert running.wait(60) == 0, (tmp_path / "log").read_text()
        until(lambda: len(told.named("hal.submission_to_bind")) == 3, (tmp_path / "log").read_text())
    assert {span.service for span in told.spans} == {"hal-run"}
    (whole,) = [span for span in told.named("hal.round") if span.attributes["jobs"] == 4]
    inside = [span for span in told.spans if span.parent == whole.id]
    assert [span.name for span in sorted(inside, key=lambda span: span.begin)] == ["hal.decide", "hal.apply"]
    assert whole.attributes == {"adapter": "queue", "policy": "best_fit", "jobs": 4, "waiting": 1}
    assert {span.attributes.get("applied") for span in inside} == {None, 3}
    bound = {span.attributes["job"]: span for span in told.named("hal.submission_to_bind")}
    assert set(bound) == {"job0", "job1", "job2"}
    assert len({span.trace for span in bound.values()} | {whole.trace}) == 4
    for span in bound.values():
        assert not span.parent
        assert span.links == ((whole.trace, whole.id),)
        assert span.end == whole.end
        assert len(span.attributes["nodes"]) == 1
    assert bound["job0"].begin == whole.begin  # nobody says when it was submitted
    assert begin <= bound["job1"].begin + 3600 * 10**9 <= whole.begin
    assert bound["job2"].begin == whole.begin  # a clock that is ahead
