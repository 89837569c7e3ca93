"""Latency of the scheduler extender, over HTTP, on a real API server's nodes.

    python -m bench.adapters.kubernetes_extender [nodes] [seconds] [rounds]

Pods that ask for one to four GPUs come at a fixed rate whether or not answers do; names of all nodes are sent, as with
``nodeCacheCapable``. The client is a process of its own (``bench/server/load.py``), as kube-scheduler is; milliseconds
are what it sees, the median of the rounds and the worst of them. ``server_under_5_ms`` is the share of answers by the
server's own clock, and ``server_cpu_ms`` what one costs it: without the client, and without what else runs there.
Figures of latency need quiet cores: the load before and after is printed.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from bench.adapters.kubernetes_rate import cpu_s
from tests.adapters.kubernetes.cluster import KubernetesCluster, free_ports

RATE = 50
LOAD = Path(__file__).parents[1] / "server" / "load.py"


def bodies(names: list[str]) -> list[bytes]:
    """Return the bodies that kube-scheduler sends for 64 pods."""

    def pod(number: int) -> dict[str, Any]:
        asked = {"cpu": "1", "nvidia.com/gpu": str(1 + number % 4)}
        meta = {"name": f"p{number}", "namespace": "default", "uid": f"u{number}"}
        return {
            "metadata": meta,
            "spec": {"containers": [{"resources": {"requests": asked, "limits": asked}}]},
        }

    return [json.dumps({"Pod": pod(i), "Nodes": None, "NodeNames": names}).encode() for i in range(64)]


def main(nodes: int = 1000, seconds: float = 10.0, rounds: int = 5) -> None:
    """Measure and print both verbs."""
    with tempfile.TemporaryDirectory(prefix="hal-extender-") as folder:
        cluster = KubernetesCluster(Path(folder))
        try:
            cluster.start()
            names = [f"n{i:05}" for i in range(nodes)]
            cluster.add_nodes(names, gpu="4")
            asked = Path(folder) / "bodies"
            asked.write_bytes(b"\n".join(bodies(names)))
            (port,) = free_ports(1)
            command = [
                str(Path(sys.executable).with_name("hal")), "serve", "--adapter", "kubernetes", "-o", "lease=none",
                "-o", f"kubeconfig={cluster.config}", "--port", str(port), "--trust-loopback", "--rate", "100000",
            ]  # fmt: skip
            with (Path(folder) / "serve.log").open("wb") as log:
                cluster.processes["serve"] = subprocess.Popen(command, stdout=log, stderr=log)
            told: dict[str, Any] = {"nodes": nodes, "load": [round(os.getloadavg()[0], 1)]}
            while not known(port, nodes):
                assert cluster.processes["serve"].poll() is None, (Path(folder) / "serve.log").read_text()
                time.sleep(0.2)
            for verb in ("filter", "prioritize"):
                client = [
                    sys.executable, str(LOAD), f"http://127.0.0.1:{port}", "--path", f"/extender/{verb}", "--bodies",
                    str(asked), "--rate", str(RATE), "--seconds", str(seconds), "--connections", "4",
                ]  # fmt: skip
                before = cpu_s(cluster.processes["serve"].pid)
                runs = [
                    json.loads(subprocess.run(client, check=True, capture_output=True, text=True).stdout)
                    for _ in range(rounds)
                ]
                took = cpu_s(cluster.processes["serve"].pid) - before
                count, quick = answered(port, verb)
                told[verb] = {
                    figure: {
                        "median": statistics.median(run[figure] for run in runs),
                        "worst": max(run[figure] for run in runs),
                    }
                    for figure in ("p50_ms", "p90_ms", "p99_ms", "client_p99_ms", "failed")
                } | {
                    "server_under_5_ms": round(quick / count, 4),
                    "server_cpu_ms": round(1000 * took / count, 2),
                }
            told["load"].append(round(os.getloadavg()[0], 1))
        finally:
            cluster.stop()
    print(json.dumps(told, indent=2))


def answered(port: int, verb: str) -> tuple[float, float]:
    """Return how many requests the server has answered, and how many of them within 5 ms, by its own histogram."""
    lines = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text.splitlines()
    told = {name: float(value) for name, value in (x.rsplit(" ", 1) for x in lines if x[0] != "#")}
    route = f'route="/extender/{verb}"'
    return (
        told[f"hal_request_seconds_count{{{route}}}"],
        told[f'hal_request_seconds_bucket{{le="0.005",{route}}}'],
    )


def known(port: int, nodes: int) -> bool:
    """Whether hal serves, and knows all nodes."""
    try:
        text = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
    except httpx.TransportError:
        return False
    return f"hal_nodes {float(nodes)}" in text.splitlines()


if __name__ == "__main__":
    main(*(kind(given) for kind, given in zip((int, float, int), sys.argv[1:], strict=False)))
