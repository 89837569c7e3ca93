"""The real process on a real socket."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.server.live import answers, free_port, process
from tests.waiting import until

pytestmark = pytest.mark.slow


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, str, subprocess.Popen[str]]]:
    """Yield address, token and process of a ``hal serve`` with 5,000 nodes."""
    nodes = [
        {"name": "n", "count": 5000, "cpus": 64, "memory": "256GiB", "gpus": {"count": 8, "model": "A100"}}
    ]
    (tmp_path / "c.json").write_text(json.dumps({"nodes": nodes}))
    port = free_port()
    environment = {key: value for key, value in os.environ.items() if key != "HAL_TOKEN"}
    hal = str(Path(sys.executable).with_name("hal"))
    command = [hal, "serve", "--cluster", str(tmp_path / "c.json"), "--port", str(port)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    assert process.stderr is not None
    first = process.stderr.readline()
    assert first.startswith("token: ")
    address = f"http://127.0.0.1:{port}"
    try:
        until(lambda: answers(f"{address}/ready") or process.poll() is not None, "ready")
        yield address, first.split()[1], process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_serves_until_told_to_stop_and_logs_no_secret(server: tuple[str, str, subprocess.Popen[str]]) -> None:
    address, token, process = server
    headers = {"authorization": f"Bearer {token}"}
    with httpx.Client(base_url=address, trust_env=False) as client:
        job = {"name": "a", "gpus": 8}
        assert client.post("/v1/place", json={"jobs": [job]}).status_code == 401
        told = client.post("/v1/place", json={"jobs": [job]}, headers=headers)
        assert told.json()["placements"][0]["status"] == "PLACED"
        assert "hal_nodes 5000.0" in client.get("/metrics", headers=headers).text
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0
    lines = [json.loads(line) for line in errors.splitlines()]
    assert [line["status"] for line in lines if line["message"] == "request"] == [401, 200]
    assert lines[-1]["message"] == "stopped"
    assert token not in errors


def test_no_request_makes_it_fail() -> None:
    import schemathesis
    from hal.adapters import Follower
    from hal.adapters.kubernetes.client import Client
    from hal.adapters.kubernetes.config import Access
    from hal.adapters.kubernetes.routes import router
    from hypothesis import HealthCheck, given, settings

    from hal.server import Service, Settings, create_app
    from tests.adapters.memory import MemoryAdapter, Orchestrator

    follower = Follower(MemoryAdapter(Orchestrator()))
    follower._read()
    service = Service(follower)
    client = Client(Access("http://127.0.0.1:9", ssl.create_default_context()), timeout=1)
    app = create_app(service, Settings(rate=1e6, burst=10**6), routers=[router(service, client, dict)])
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    routes = [found.ok() for found in schema.get_all_operations()]
    assert len(routes) >= 11
    for route in routes:

        @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        @given(case=route.as_strategy())
        def check(case) -> None:  # type: ignore[no-untyped-def]
            assert case.call().status_code < 500

        check()


@contextmanager
def draining(folder: Path, seconds: int) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Yield address and process of a ``hal serve`` that goes on for a while after it was told to stop."""
    (folder / "c.json").write_text(json.dumps({"nodes": [{"name": "n", "cpus": 8}]}))
    port = free_port()
    hal = str(Path(sys.executable).with_name("hal"))
    command = [hal, "serve", "--cluster", str(folder / "c.json"), "--port", str(port), "--no-token"]
    with process([*command, "--drain", str(seconds)], folder / "log") as running:
        address = f"http://127.0.0.1:{port}"
        until(lambda: running.poll() is not None or answers(f"{address}/ready"), "ready")
        assert running.poll() is None, (folder / "log").read_text()
        yield address, running


def test_goes_on_for_a_while_after_it_was_told_to_stop(tmp_path: Path) -> None:
    with draining(tmp_path, 600) as (address, running):
        running.send_signal(signal.SIGTERM)
        until(lambda: not answers(f"{address}/ready"), "not ready any more")
        told = httpx.post(f"{address}/v1/place", json={"jobs": [{"name": "a", "cpus": 1}]}, trust_env=False)
        assert told.json()["placements"][0]["status"] == "PLACED"
        running.send_signal(signal.SIGTERM)  # whoever says it twice means now
        assert running.wait(120) == 0


def test_ends_when_the_while_is_over(tmp_path: Path) -> None:
    with draining(tmp_path, 1) as (_, running):
        running.send_signal(signal.SIGTERM)
        assert running.wait(120) == 0
