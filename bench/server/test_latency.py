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


def cpu_seconds(server: str) -> float:
    """CPU time of the server so far."""
    lines = httpx.get(f"{server}/metrics", trust_env=False).text.splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith("process_cpu_seconds_total")))


def test_latency(benchmark, server):
    paths = ("/v1/place", "/live")
    rounds = {path: [] for path in paths}

    def run():
        for path in paths:
            begin = cpu_seconds(server)
            command = [sys.executable, str(LOAD), server, "--path", path, "--seconds", "5"]
            told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            told["cpu_ms"] = 1000 * (cpu_seconds(server) - begin) / told["requests"]
            rounds[path].append(told)

    benchmark.pedantic(run, rounds=5)
    assert all(figures["failed"] == 0 for each in rounds.values() for figures in each)
    benchmark.extra_info["load"] = os.getloadavg()[0]
    for name in ("p50_ms", "p90_ms", "p99_ms", "cpu_ms", "client_p99_ms"):
        medians = []
        for path in paths:
            values = sorted(figures[name] for figures in rounds[path])
            medians.append(values[len(values) // 2])
            benchmark.extra_info[f"{path} {name}"] = {"best": values[0], "median": medians[-1]}
        benchmark.extra_info[f"place / live {name}"] = medians[0] / medians[1]
