"""What ``hal run`` tells Prometheus and probes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from hal._extras import require
from hal.errors import AdapterError

if TYPE_CHECKING:
    from hal.adapters.loop import Loop, Round

__all__ = ["RunMetrics"]

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 20.0)
#: Seconds that one turn of the loop may take before it is taken to hang.
_HANGS: Final = 300.0
_COUNTS = {
    "snapshots": "How often everything was read.",
    "changes": "Changes of the orchestrator followed.",
    "faults": "How often the orchestrator failed as a whole.",
    "retries": "Placements that were not carried out and are tried again later.",
}


class RunMetrics:
    """Counters and histograms of one loop, under ``/metrics``.

    ``/live``: the loop turns; also while the orchestrator cannot be reached, for which starting anew is no help.
    ``/ready``: its last pass was well.

    Parameters
    ----------
    loop : Loop
    policy : str
    port : int
        0: any free one.
    host : str
        Address to listen on.

    Attributes
    ----------
    port : int
        Where it listens.

    Raises
    ------
    AdapterError
        The port is taken, or the address is not this machine's.
    MissingExtra
        prometheus-client is not installed.
    """

    def __init__(self, loop: Loop, policy: str, port: int, *, host: str = "127.0.0.1") -> None:
        self._loop = loop
        client = require("prometheus_client", extra="server")
        self.registry: Any = client.CollectorRegistry()
        make = {"registry": self.registry}
        client.Info("hal_run", "What is decided for, and by what.", **make).info(
            {"adapter": loop.adapter.name, "policy": policy}
        )
        self._rounds = client.Counter("hal_run_rounds", "Passes over what waits.", **make)
        self._decisions = client.Counter("hal_run_decisions", "Decisions by answer.", ["status"], **make)
        self._outcomes = client.Counter(
            "hal_run_placements", "Placements by what became of them.", ["outcome"], **make
        )
        self._waiting = client.Gauge("hal_run_waiting", "Jobs that wait after the last pass.", **make)
        self._last = client.Gauge("hal_run_last_round_timestamp_seconds", "When the last pass ended.", **make)
        self._decide = client.Histogram(
            "hal_run_decide_seconds", "Time to decide one pass.", buckets=_SECONDS, **make
        )
        self._apply = client.Histogram(
            "hal_run_apply_seconds", "Time to carry one pass out.", buckets=_SECONDS, **make
        )
        self.registry.register(_Counts(loop))
        client.ProcessCollector(registry=self.registry)
        self._exposition = client.make_wsgi_app(self.registry)
        try:
            self._server = _server(host, port, self._answer)
        except OSError as error:
            raise AdapterError(
                f"metrics-port = {port} of {host}: {error.strerror}; give another, or 0"
            ) from None
        self.port = int(self._server.server_port)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="hal-run-metrics", daemon=True
        )
        self._thread.start()

    def round(self, this: Round) -> None:
        """Count one pass."""
        self._rounds.inc()
        for placement in this.placements:
            self._decisions.labels(placement.status.name).inc()
        for outcome, count in this.outcomes().items():
            self._outcomes.labels(outcome).inc(count)
        self._waiting.set(this.waiting)
        self._last.set_to_current_time()
        if this.placements:
            self._decide.observe(this.decide_s)
            self._apply.observe(this.apply_s)

    def _answer(self, environ: WSGIEnvironment, start: StartResponse) -> list[bytes]:
        path, trouble = environ["PATH_INFO"], ""
        if path == "/metrics":
            told: list[bytes] = self._exposition(environ, start)
            return told
        if path == "/live":
            still = self._loop.clock() - self._loop.turned
            trouble = f"has not turned for {still:.0f} s" if still > _HANGS else ""
        elif path == "/ready":
            trouble = self._loop.fault
        else:
            trouble = "/metrics, /live, /ready"
        status = (
            "200 OK" if not trouble else "404 Not Found" if path not in _PROBES else "503 Service Unavailable"
        )
        start(status, [("Content-Type", "text/plain; charset=utf-8")])
        return [(trouble or "ok").encode() + b"\n"]

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


_PROBES: Final = ("/live", "/ready")


def _server(host: str, port: int, app: WSGIApplication) -> WSGIServer:
    class Server(ThreadingMixIn, WSGIServer):
        daemon_threads = True
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

    class Handler(WSGIRequestHandler):
        timeout = 10  # a caller that says nothing must not keep a thread

        def log_message(self, format: str, *args: Any) -> None:
            """Probes come every few seconds."""

    return make_server(host, port, app, Server, Handler)


class _Counts:
    """Looks at the loop at each scrape."""

    def __init__(self, loop: Loop) -> None:
        self._loop, self._core = loop, require("prometheus_client.core", extra="server")

    def collect(self) -> Iterator[Any]:
        """Yield every count, and how many jobs are put off now."""
        for name, text in _COUNTS.items():
            yield self._core.CounterMetricFamily(f"hal_run_{name}", text, value=self._loop.counts[name])
        yield self._core.GaugeMetricFamily(
            "hal_run_put_off", "Jobs that are not tried again before a while.", value=self._loop.put_off
        )
