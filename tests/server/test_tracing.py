"""Traces, from a pod's submission to its binding."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from hal._tracing import export_as_told
from hal.server import tracing
from tests.adapters.kubernetes.test_extender import pod
from tests.adapters.kubernetes.test_extender_binding import binding, following
from tests.server.test_server import Caller, service


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what keeps the spans of this test."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(tracing, "_tracer", provider.get_tracer("hal"))
    monkeypatch.setattr(tracing, "look_for_tracing", lambda: None)
    monkeypatch.setattr("hal.server.app.look_for_tracing", lambda: None)
    return exporter


def test_a_pod_is_one_trace_from_submission_to_binding(spans: Any) -> None:
    of, _, _ = following({})
    asked = pod(gpu="3")
    of.filter({"Pod": asked, "NodeNames": ["free", "half"]})
    of.prioritize({"Pod": asked, "NodeNames": ["free"]})
    assert of.bind(binding()) == {"Error": ""}
    told = {span.name: span for span in spans.get_finished_spans()}
    assert list(told) == ["hal.filter", "hal.prioritize", "hal.submission_to_bind", "hal.bind"]
    assert {span.context.trace_id for span in told.values()} == {uuid.UUID(asked["metadata"]["uid"]).int}
    whole = told["hal.submission_to_bind"]
    assert whole.start_time == int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1e9)
    assert whole.end_time >= told["hal.prioritize"].end_time
    assert dict(whole.attributes) == {"pod": "default/p"}


def test_a_pod_that_is_not_bound_has_no_such_span(spans: Any) -> None:
    of, _, _ = following(Exception)
    of.client = None
    of.filter({"Pod": pod(gpu="3"), "NodeNames": ["free"]})
    assert of.bind(binding())["Error"]
    assert "hal.submission_to_bind" not in [span.name for span in spans.get_finished_spans()]


def test_a_caller_s_trace_goes_on(spans: Any) -> None:
    number = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"traceparent": f"00-{number}-00f067aa0ba902b7-01"}
    Caller(service())("POST", "/v1/place", json={"jobs": [{"name": "a", "cpus": 1}]}, headers=headers)
    (span,) = spans.get_finished_spans()
    assert f"{span.context.trace_id:032x}" == number
    assert span.parent.span_id == 0x00F067AA0BA902B7


def test_exports_only_where_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    assert not export_as_told("hal-serve")
