"""What Prometheus is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from hal._extras import require

if TYPE_CHECKING:
    from hal.server.service import Service

__all__ = ["Metrics"]

_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0)


class Metrics:
    """Counters and histograms of one server, and gauges that are read when they are scraped.

    Parameters
    ----------
    service : Service
        What the gauges look at.
    """

    def __init__(self, service: Service) -> None:
        client = require("prometheus_client", extra="server")
        self.content_type: str = client.CONTENT_TYPE_LATEST
        self._client = client
        self.registry: Any = client.CollectorRegistry()
        make = {"registry": self.registry}
        self._requests = client.Counter(
            "hal_requests", "Requests by route and status.", ["method", "route", "status"], **make
        )
        self._request_seconds = client.Histogram(
            "hal_request_seconds", "Time to answer a request.", ["route"], buckets=_SECONDS, **make
        )
        self._placements = client.Counter(
            "hal_placements", "Decisions by policy and answer.", ["policy", "status"], **make
        )
        self._place_seconds = client.Histogram(
            "hal_place_seconds", "Time to decide one request.", ["policy"], buckets=_SECONDS, **make
        )
        self._reasons = client.Counter(
            "hal_rejected_nodes", "Nodes that rejected an explained job, by reason.", ["reason"], **make
        )
        self.registry.register(_Gauges(service))
        client.ProcessCollector(registry=self.registry)
        # Looking a labelled series up costs more than counting in it.
        self._series: dict[tuple[str, str, int], tuple[Any, Any]] = {}
        self._placed: dict[tuple[str, str], Any] = {}
        self._decided: dict[str, Any] = {}

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        known = method if method in ("GET", "POST") else "other"
        series = self._series.get((known, route, status))
        if series is None:
            series = (
                self._requests.labels(known, route, str(status)),
                self._request_seconds.labels(route),
            )
            self._series[known, route, status] = series
        series[0].inc()
        series[1].observe(seconds)

    def placed(self, policy: str, counts: Mapping[str, int], seconds: float) -> None:
        """Count decisions."""
        for status, count in counts.items():
            series = self._placed.get((policy, status))
            if series is None:
                series = self._placed[policy, status] = self._placements.labels(policy, status)
            series.inc(count)
        decided = self._decided.get(policy)
        if decided is None:
            decided = self._decided[policy] = self._place_seconds.labels(policy)
        decided.observe(seconds)

    def rejected(self, reasons: dict[str, int]) -> None:
        """Count reasons."""
        for reason, nodes in reasons.items():
            self._reasons.labels(reason).inc(nodes)

    def text(self) -> bytes:
        """Return the exposition."""
        text: bytes = self._client.generate_latest(self.registry)
        return text


class _Gauges:
    """Looks at the cluster at each scrape."""

    def __init__(self, service: Service) -> None:
        self._service, self._core = service, require("prometheus_client.core", extra="server")

    def collect(self) -> Iterator[Any]:
        """Yield every gauge."""
        service, live = self._service, self._service.live
        values = service.readings.gauges()
        if (p := service.p) is not None:
            values["p"] = "The knob of what decides, from pack (0) to spread (1).", p
        for name, (text, value) in values.items():
            yield self._core.GaugeMetricFamily(f"hal_{name}", text, value)
        if (meter := service.readings.meter) is not None:
            yield self._core.CounterMetricFamily(
                "hal_energy_joules", "Drawn by all nodes since the start, by the power model.", meter.joules
            )
        for name, text in _COUNTS.items():
            yield self._core.CounterMetricFamily(f"hal_source_{name}", text, live.counts[name])


_COUNTS: Final = {
    "snapshots": "How often everything was read of the orchestrator.",
    "changes": "Changes that the orchestrator told.",
    "faults": "How often the orchestrator could not be followed.",
}
