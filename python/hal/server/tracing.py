"""Spans for OpenTelemetry, where the process has set it up; nothing otherwise."""

from __future__ import annotations

import uuid
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from hal._tracing import tracer

__all__ = ["PodTrace", "look_for_tracing", "span"]

_tracer: Any = None


def look_for_tracing() -> None:
    """Find out whether spans are recorded."""
    global _tracer
    _tracer = tracer()


@contextmanager
def span(name: str, *, headers: Mapping[str, str] | None = None, **attributes: int | str) -> Iterator[None]:
    """Record what is done inside under that name, as a part of the caller's trace if ``headers`` name one."""
    if _tracer is None:
        yield
        return
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    context = TraceContextTextMapPropagator().extract(headers) if headers else None
    with _tracer.start_as_current_span(name, context=context, attributes=attributes):
        yield


#: Pods whose submission is remembered, uid → nanoseconds since the epoch.
_submitted: OrderedDict[str, int] = OrderedDict()
_MOST: Final = 10_000


class PodTrace:
    """The trace of one pod, from its submission to its binding; its id is the pod's uid, so that nothing is kept.

    Parameters
    ----------
    uid : str
        Of the pod.
    """

    def __init__(self, uid: str) -> None:
        self.uid = uid
        self._pod = ""

    @staticmethod
    def submitted(uid: str, pod: Mapping[str, Any]) -> None:
        """Remember when a pod was made."""
        if _tracer is None or uid in _submitted:
            return
        try:
            made = datetime.fromisoformat(pod["metadata"]["creationTimestamp"])
        except (KeyError, TypeError, ValueError):
            return
        _submitted[uid] = int(made.timestamp() * 1e9)
        while len(_submitted) > _MOST:
            _submitted.popitem(last=False)

    @contextmanager
    def step(self, name: str, **attributes: int | str) -> Iterator[PodTrace]:
        """Record a step."""
        self._pod = str(attributes.get("pod", ""))
        if _tracer is None or (context := self._context()) is None:
            yield self
            return
        with _tracer.start_as_current_span(name, context=context, attributes=attributes):
            yield self

    def bound(self) -> None:
        """Record the time from submission until now, as one span."""
        begin = _submitted.pop(self.uid, None)
        if begin is None or _tracer is None or (context := self._context()) is None:
            return
        _tracer.start_span(
            "hal.submission_to_bind", context=context, start_time=begin, attributes={"pod": self._pod}
        ).end()

    def _context(self) -> Any:
        from opentelemetry import trace

        try:
            number = uuid.UUID(self.uid).int
        except ValueError:
            return None
        parent = trace.SpanContext(
            number, number & (2**64 - 1) or 1, is_remote=True, trace_flags=trace.TraceFlags(1)
        )
        return trace.set_span_in_context(trace.NonRecordingSpan(parent))
