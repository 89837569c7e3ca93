"""A live ``hal serve`` in a process of its own, and a real Prometheus."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.waiting import until

TOKEN = "sesame-0123456789"
ROOT = Path(__file__).parents[2]


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def answers(url: str) -> bool:
    """Whether a probe is answered well."""
    try:
        return httpx.get(url, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


@contextmanager
def process(command: list[str], log: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program, and end it by its own id."""
    with log.open("wb") as out:
        started = subprocess.Popen(command, stdout=out, stderr=out, env={**os.environ, **environment})
    try:
        yield started
    finally:
        if started.poll() is None:
            started.terminate()
        try:
            started.wait(30)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


def plugin(folder: Path, name: str, made_by: str) -> str:
    """Have an adapter look installed; returns the PYTHONPATH with which it is."""
    info = folder / "site" / f"{name}-0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0\n")
    (info / "entry_points.txt").write_text(f"[hal.adapters]\n{name} = {made_by}\n")
    return os.pathsep.join([str(ROOT), str(folder / "site")])


@contextmanager
def serve(folder: Path, *options: str) -> Iterator[str]:
    """Run ``hal serve`` on the cluster of `BusyAdapter`; yields its address."""
    path = plugin(folder, "busy", "tests.server.busy:BusyAdapter")
    port = free_port()
    hal = str(Path(sys.executable).with_name("hal"))
    command = [hal, "serve", "--adapter", "busy", "--port", str(port), *options]
    with process(command, folder / "serve.log", PYTHONPATH=path, HAL_TOKEN=TOKEN) as running:
        address = f"http://127.0.0.1:{port}"
        until(lambda: answers(f"{address}/ready") or running.poll() is not None, "hal serve is ready")
        assert running.poll() is None, (folder / "serve.log").read_text()
        yield address


@contextmanager
def prometheus(folder: Path, config: str) -> Iterator[str]:
    """Run Prometheus; yields its address."""
    folder.mkdir()
    (folder / "prometheus.yml").write_text(config)
    port = free_port()
    command = [
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with process(command, folder / "log"):
        address = f"http://127.0.0.1:{port}"
        until(lambda: answers(f"{address}/-/ready"), "Prometheus is ready")
        yield address
