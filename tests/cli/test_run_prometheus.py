"""``hal run --prometheus``: what is measured decides beside the policy."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import pytest

from hal.cli.app import run
from tests.adapters.memory import MemoryAdapter, Orchestrator


def test_a_job_avoids_the_node_that_is_measured_to_be_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    of, asked = Orchestrator(3), []

    class Prometheus(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers.get("Authorization"))
            if len(asked) == 10:  # the second reading, the first that knows the nodes, is complete now
                threading.Timer(0.3, lambda: of.submit(1, cpus=2)).start()
            loads = {"m0": "0.9", "m1": "0.05", "m2": "0.5"}
            result = [{"metric": {"node": node}, "value": [0, load]} for node, load in loads.items()]
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"data": {"result": result}}).encode())

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Prometheus)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr("hal.cli.run.connect", lambda *_: MemoryAdapter(of))
    monkeypatch.setattr("hal.cli.run.configure", lambda *_: None)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setenv("HAL_PROMETHEUS_TOKEN", "secret")
    end = time.monotonic() + 30

    class Stops(threading.Event):
        """Stops the loop once the job runs."""

        def is_set(self) -> bool:
            return super().is_set() or bool(of.running) or time.monotonic() > end

    monkeypatch.setattr("hal.cli.run.threading", SimpleNamespace(Event=Stops))
    address = f"http://127.0.0.1:{server.server_address[1]}"
    options = ["--policy", "first_fit", "--prometheus", address, "--load-weight", "10", "--interval", "0.05"]
    assert run(["run", "--adapter", "memory", *options]) == 0
    server.shutdown()
    server.server_close()
    assert [each.nodes for each in of.running.values()] == [("m1",)]
    assert set(asked) == {"Bearer secret"}
