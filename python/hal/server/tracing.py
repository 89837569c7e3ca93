"""Spans for OpenTelemetry, where the process has set it up; nothing otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["look_for_tracing", "span"]

_tracer: Any = None


def look_for_tracing() -> None:
    """Find out whether spans are recorded; asked once, because asking costs as much as a span."""
    global _tracer
    try:
        from opentelemetry import trace
    except ModuleNotFoundError:
        return
    real = not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
    _tracer = trace.get_tracer("hal") if real else None


@contextmanager
def span(name: str, **attributes: int | str) -> Iterator[None]:
    """Record what is done inside under that name; the exporter is whatever the process has set up."""
    if _tracer is None:
        yield
        return
    with _tracer.start_as_current_span(name, attributes=attributes):
        yield
