"""A real kube-scheduler that asks a real ``hal serve``, on a real API server."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from bench.adapters.kubernetes_extender import bodies
from bench.server.load import load, requests
from tests.adapters.kubernetes.cluster import KubernetesCluster
from tests.adapters.kubernetes.test_extender import pod
from tests.server.live import answers, free_port, process
from tests.server.test_mutual_tls import authority, certificate, shaking
from tests.waiting import until

pytestmark = pytest.mark.server


@pytest.fixture
def extended(kubernetes: KubernetesCluster, tmp_path: Path) -> Iterator[str]:
    """Yield the address of a hal that a kube-scheduler asks; the cluster is empty."""
    kubernetes.clear()
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [
        str(Path(sys.executable).with_name("hal")), "serve", "--adapter", "kubernetes", "-o", "lease=none",
        "-o", f"kubeconfig={kubernetes.config}", "-o", "scheduler=extended", "--policy", "best_fit",
        "--port", str(port), "--trust-loopback", "--rate", "100000",
    ]  # fmt: skip
    with process(command, tmp_path / "serve.log", HAL_TOKEN="sesame-0123456789") as running:
        until(lambda: answers(f"{address}/ready") or running.poll() is not None, "hal serve is ready")
        assert running.poll() is None, (tmp_path / "serve.log").read_text()
        yield address
    assert "sesame" not in (tmp_path / "serve.log").read_text()


def asks(address: str) -> dict[str, Any]:
    """Return the part of a KubeSchedulerConfiguration that names hal."""
    extender = {
        "urlPrefix": f"{address}/extender",
        "filterVerb": "filter",
        "prioritizeVerb": "prioritize",
        "preemptVerb": "preempt",
        "bindVerb": "bind",
        "weight": 100,
        "nodeCacheCapable": True,
        "httpTimeout": "5s",
    }
    here = f"127.0.0.1:{free_port()}"  # another kube-scheduler may have the usual port
    return {
        "extenders": [extender],
        "profiles": [{"schedulerName": "extended"}],
        "healthzBindAddress": here,
        "metricsBindAddress": here,
    }


def figures(address: str) -> dict[str, float]:
    lines = httpx.get(f"{address}/metrics", trust_env=False).text.splitlines()
    return {name: float(value) for name, value in (x.rsplit(" ", 1) for x in lines if x[0] != "#")}


def test_kube_scheduler_does_as_hal_says(kubernetes: KubernetesCluster, extended: str) -> None:
    kubernetes.add_nodes([f"n{i}" for i in range(8)], gpu="4")
    until(lambda: figures(extended)["hal_nodes"] == 8, "hal knows the nodes")
    kubernetes.scheduler(**asks(extended))
    try:
        # Best fit fills one node before it begins the next; kube-scheduler alone would spread them.
        for index in range(8):
            (name,) = kubernetes.add_pods([f"p{index}"], scheduler="extended", gpu="1")
            until(lambda name=name: name in kubernetes.bound(), f"{name} is bound")
        where = kubernetes.bound()
        assert sorted(list(where.values()).count(node) for node in set(where.values())) == [4, 4]
        told = figures(extended)
        for verb in ("filter", "prioritize", "bind"):
            key = f'hal_requests_total{{method="POST",route="/extender/{verb}",status="200"}}'
            assert told[key] >= 8, verb
        # What fits nowhere waits, and the scheduler says why in hal's words.
        (big,) = kubernetes.add_pods(["big"], scheduler="extended", gpu="5")
        until(lambda: condition(kubernetes, big) != "", "it is said why it waits")
        assert big not in kubernetes.bound()
    finally:
        kubernetes.end("kube-scheduler")


def test_kube_scheduler_shakes_hands(kubernetes: KubernetesCluster, tmp_path: Path) -> None:
    """No token can be sent: certificates of both sides let it in, and nobody without one."""
    authority(tmp_path, "ours")
    for name in ("server", "caller"):
        certificate(tmp_path, name, "ours")
    kubernetes.clear()
    kubernetes.add_nodes(["n0"], gpu="4")
    port = free_port()
    command = [
        str(Path(sys.executable).with_name("hal")), "serve", "--adapter", "kubernetes", "-o", "lease=none",
        "-o", f"kubeconfig={kubernetes.config}", "-o", "scheduler=extended", "--port", str(port), "--no-token",
        "--certificate", str(tmp_path / "server.pem"), "--key", str(tmp_path / "server.key"),
        "--clients", str(tmp_path / "ours.pem"),
    ]  # fmt: skip
    config = asks(f"https://127.0.0.1:{port}")
    config["extenders"][0] |= {
        "enableHTTPS": True,
        "tlsConfig": {
            "caFile": str(tmp_path / "ours.pem"),
            "certFile": str(tmp_path / "caller.pem"),
            "keyFile": str(tmp_path / "caller.key"),
        },
    }
    with process(command, tmp_path / "serve.log") as running:
        until(lambda: running.poll() is not None or ready(port, tmp_path), "hal serve is ready")
        kubernetes.scheduler(**config)
        try:
            (name,) = kubernetes.add_pods(["p"], scheduler="extended", gpu="1")
            until(lambda: name in kubernetes.bound() or running.poll() is not None, f"{name} is bound")
        finally:
            kubernetes.end("kube-scheduler")
    log = (tmp_path / "serve.log").read_text()
    assert kubernetes.bound().get(name) == "n0", log
    assert '"route": "/extender/bind"' in log


def ready(port: int, folder: Path) -> bool:
    try:
        url = f"https://127.0.0.1:{port}/ready"
        return httpx.get(url, verify=shaking(folder, "caller"), trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def test_keeps_what_eviction_helps(kubernetes: KubernetesCluster, extended: str) -> None:
    """Asked as kube-scheduler asks: 1.20's own does not, a regression that 1.20.9 mended (kubernetes#103019)."""
    kubernetes.add_nodes(["a", "b"], gpu="4")
    until(lambda: figures(extended)["hal_nodes"] == 2, "hal knows the nodes")
    kubernetes.scheduler(**asks(extended))
    try:
        names = kubernetes.add_pods(["l0", "l1"], scheduler="extended", gpu="4")
        until(lambda: set(names) <= set(kubernetes.bound()), "both are bound")
    finally:
        kubernetes.end("kube-scheduler")
    found = kubernetes.pods()
    where = {found[name]["spec"]["nodeName"]: found[name]["metadata"]["uid"] for name in names}
    victims = {
        "a": {"Pods": [{"UID": where["a"]}], "NumPDBViolations": 0},
        "b": {"Pods": [{"UID": "of nobody"}], "NumPDBViolations": 0},
    }
    asked = {"Pod": pod(gpu="3"), "NodeNameToVictims": None, "NodeNameToMetaVictims": victims}
    told = httpx.post(f"{extended}/extender/preempt", json=asked, trust_env=False).json()
    assert told == {"NodeNameToMetaVictims": {"a": victims["a"]}}


def condition(kubernetes: KubernetesCluster, name: str) -> str:
    told = kubernetes.pods()[name]["status"].get("conditions") or []
    return next((c.get("message", "") for c in told if c["type"] == "PodScheduled"), "")


def test_answers_on_a_thousand_nodes_under_load(kubernetes: KubernetesCluster, extended: str) -> None:
    names = [f"n{i:04}" for i in range(1000)]
    kubernetes.add_nodes(names, gpu="4")
    until(lambda: figures(extended)["hal_nodes"] == 1000, "hal knows the nodes")
    asking = bodies(names)
    host, port = extended.removeprefix("http://").split(":")
    for verb in ("filter", "prioritize"):
        asked = requests(f"/extender/{verb}", asking, f"{host}:{port}", "")
        told = asyncio.run(load(host, int(port), asked, rate=50, seconds=5, connections=4))
        print(json.dumps({"verb": verb, "load": os.getloadavg()[0], **told}))
        assert told["failed"] == 0
        assert told["requests"] > 200
        told = httpx.post(f"{extended}/extender/{verb}", content=asking[0], trust_env=False).json()
        rows = told["NodeNames"] if verb == "filter" else [row["Host"] for row in told]
        assert rows == names
