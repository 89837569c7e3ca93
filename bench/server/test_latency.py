"""What callers of a live ``hal serve`` wait: one job on 5,000 nodes at 200 requests a second, open loop.

Beside it, in the same run, the same client against ``/live``: what HTTP and the machine cost without a decision.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

LOAD = Path(__file__).with_name("load.py")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Yield the address of a server with 5,000 nodes."""
    path = tmp_path_factory.mktemp("serve") / "c.json"
    gpus = {"count": 8, "model": "A100"}
    nodes = [{"name": "n", "count": 5000, "cpus": 64, "memory": "256GiB", "gpus": gpus}]
    path.write_text(json.dumps({"nodes": nodes}))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    hal = str(Path(sys.executable).with_name("hal"))
    command = [hal, "serve", "--cluster", str(path), "--port", str(port), "--rate", "100000", "--no-token"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    end = time.monotonic() + 60
    while True:
        try:
            httpx.get(f"{address}/ready", trust_env=False)
            break
        except httpx.TransportError:
            assert time.monotonic() < end
            time.sleep(0.1)
    yield address
    process.terminate()
    process.wait(20)


@pytest.mark.parametrize("path", ["/v1/place", "/live"])
def test_latency(benchmark, server, path):
    def run():
        command = [sys.executable, str(LOAD), server, "--path", path, "--seconds", "5"]
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    rounds = []
    benchmark.pedantic(lambda: rounds.append(run()), rounds=5)
    assert all(figures["failed"] == 0 for figures in rounds)
    benchmark.extra_info["load"] = os.getloadavg()[0]
    for name in ("p50_ms", "p90_ms", "p99_ms"):
        values = sorted(figures[name] for figures in rounds)
        benchmark.extra_info[name] = {"best": values[0], "median": values[len(values) // 2]}
