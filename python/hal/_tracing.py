"""Where spans go: to an OpenTelemetry collector, where the environment names one."""

from __future__ import annotations

import os
from typing import Any

from hal._extras import require

__all__ = ["export_as_told", "tracer"]


def export_as_told(service: str) -> bool:
    """Send spans to ``$OTEL_EXPORTER_OTLP_ENDPOINT`` (OTLP over HTTP), where that is set; whether it is.

    Parameters
    ----------
    service : str
        What they are said to come from, unless ``$OTEL_SERVICE_NAME`` says otherwise.

    Raises
    ------
    MissingExtra
        It is set, and the exporter is not installed.
    """
    if not (
        os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    ):
        return False
    trace = require("opentelemetry.trace", extra="tracing")
    sdk = require("opentelemetry.sdk.trace", extra="tracing")
    export = require("opentelemetry.sdk.trace.export", extra="tracing")
    otlp = require("opentelemetry.exporter.otlp.proto.http.trace_exporter", extra="tracing")
    resource = require("opentelemetry.sdk.resources", extra="tracing").Resource.create(
        {"service.name": os.environ.get("OTEL_SERVICE_NAME", service)}
    )
    provider = sdk.TracerProvider(resource=resource)  # told to send the rest when the process ends
    provider.add_span_processor(export.BatchSpanProcessor(otlp.OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return True


def tracer() -> Any:
    """Return what makes spans, or None where nothing records them; asking costs as much as a span."""
    try:
        from opentelemetry import trace
    except ModuleNotFoundError:
        return None
    real = not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
    return trace.get_tracer("hal") if real else None
