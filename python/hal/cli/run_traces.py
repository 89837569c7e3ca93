"""What ``hal run`` tells a collector of traces: each pass, and each job from its submission to its place."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from hal.adapters.contract import Adapter
    from hal.adapters.loop import Round

__all__ = ["RunTraces"]

#: Jobs of which it is remembered when they were first looked at.
_MOST: Final = 100_000


class RunTraces:
    """Spans of one loop, made after each pass of the times that it took.

    A pass is a trace: ``hal.round`` over ``hal.decide`` and ``hal.apply``. A job that was given its place is a trace of
    its own, ``hal.submission_to_bind``, with a link to the pass that did it. It begins when the orchestrator says that
    the job was submitted, or else with the first pass that looked at it.

    Parameters
    ----------
    adapter : Adapter
    policy : str
    tracer : opentelemetry.trace.Tracer
    clock : callable
        Nanoseconds since 1970.
    """

    def __init__(
        self, adapter: Adapter, policy: str, tracer: Any, clock: Callable[[], int] = time.time_ns
    ) -> None:
        self.adapter, self.policy, self.clock = adapter, policy, clock
        self._tracer = tracer
        self._seen: OrderedDict[str, int] = OrderedDict()

    def round(self, this: Round) -> None:
        """Record one pass; nothing of one that had nothing to decide."""
        if not this.placements:
            return
        from opentelemetry import trace

        end = self.clock()
        middle = end - int(this.apply_s * 1e9)
        begin = middle - int(this.decide_s * 1e9)
        figures = {"jobs": len(this.placements), "waiting": this.waiting}
        said = {"adapter": self.adapter.name, "policy": self.policy}
        whole = self._tracer.start_span("hal.round", start_time=begin, attributes={**said, **figures})
        inside = trace.set_span_in_context(whole)
        self._tracer.start_span("hal.decide", context=inside, start_time=begin).end(middle)
        self._tracer.start_span(
            "hal.apply", context=inside, start_time=middle, attributes=dict(this.outcomes())
        ).end(end)
        whole.end(end)
        for placement in this.placements:
            self._seen.setdefault(placement.job, begin)
        link = trace.Link(whole.get_span_context())
        nodes = {placement.job: placement.nodes for placement in this.placements}
        for answer in this.applied:
            if not answer.outcome.holds:
                continue
            since = min(self._submitted(answer.job), self._seen.pop(answer.job, begin), end)
            self._tracer.start_span(
                "hal.submission_to_bind",
                context=trace.set_span_in_context(trace.INVALID_SPAN),
                start_time=since,
                links=[link],
                attributes={**said, "job": answer.job, "nodes": nodes[answer.job]},
            ).end(end)
        while len(self._seen) > _MOST:
            self._seen.popitem(last=False)

    def _submitted(self, job: str) -> int:
        from hal.adapters.contract import Submitted

        since = self.adapter.submitted(job) if isinstance(self.adapter, Submitted) else None
        return 2**63 if since is None else int(since * 1e9)
