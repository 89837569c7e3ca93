"""Spans for OpenTelemetry, where it is installed; nothing otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["span"]

try:
    from opentelemetry import trace as _trace
except ModuleNotFoundError:
    _tracer: Any = None
else:
    _tracer = _trace.get_tracer("hal")


@contextmanager
def span(name: str, **attributes: int | str) -> Iterator[None]:
    """Record what is done inside under that name; the exporter is whatever the process has set up."""
    if _tracer is None:
        yield
        return
    with _tracer.start_as_current_span(name, attributes=attributes):
        yield
