"""Who may shake hands with a ``hal serve`` that asks callers for certificates."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.server.live import TOKEN, free_port, process
from tests.waiting import until

pytestmark = pytest.mark.slow

JOB = {"jobs": [{"name": "a", "cpus": 1}]}
_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


def authority(folder: Path, name: str) -> None:
    """Make a certificate authority: ``name.pem`` and ``name.key``. All of them go by one name, as a forger would."""
    openssl("req", "-x509", *_KEY, "-subj", "/CN=hal-test-ca", "-days", "2",
            "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem")  # fmt: skip


def certificate(folder: Path, name: str, by: str, *, days: int = 2) -> None:
    """Make ``name.pem`` and ``name.key``, signed by an authority; of days below zero: over before it is made."""
    request = folder / f"{name}.csr"
    openssl("req", "-new", *_KEY, "-subj", f"/CN={name}", "-keyout", folder / f"{name}.key", "-out", request)
    (folder / "san").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    openssl("x509", "-req", "-in", request, "-CA", folder / f"{by}.pem", "-CAkey", folder / f"{by}.key",
            "-CAcreateserial", "-days", str(days), "-extfile", folder / "san",
            "-out", folder / f"{name}.pem")  # fmt: skip


def openssl(*arguments: str | Path) -> None:
    told = subprocess.run(["openssl", *arguments], capture_output=True, text=True)
    assert told.returncode == 0, told.stderr


def shaking(folder: Path, name: str | None) -> ssl.SSLContext:
    """Return what a caller who knows the server's authority shakes hands with."""
    context = ssl.create_default_context(cafile=folder / "ours.pem")
    if name is not None:
        context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    return context


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the certificates of everybody."""
    folder = tmp_path_factory.mktemp("tls")
    for name in ("ours", "theirs"):
        authority(folder, name)
    certificate(folder, "server", "ours")
    certificate(folder, "caller", "ours")
    certificate(folder, "past", "ours", days=-1)
    certificate(folder, "stranger", "theirs")
    return folder


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    """Yield the address of a server that asks callers for certificates of ours, and for a token."""
    (folder / "c.json").write_text(json.dumps({"nodes": [{"name": "n", "cpus": 8}]}))
    port = free_port()
    command = [
        str(Path(sys.executable).with_name("hal")), "serve", "--cluster", str(folder / "c.json"), "--port", str(port),
        "--certificate", str(folder / "server.pem"), "--key", str(folder / "server.key"),
        "--clients", str(folder / "ours.pem"),
    ]  # fmt: skip
    with process(command, folder / "log", HAL_TOKEN=TOKEN) as running:
        until(lambda: running.poll() is not None or listens(port), "hal serve listens")
        assert running.poll() is None, (folder / "log").read_text()
        yield f"https://127.0.0.1:{port}"


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def place(address: str, context: ssl.SSLContext, token: str = TOKEN) -> httpx.Response:
    with httpx.Client(verify=context, trust_env=False, timeout=60) as client:
        return client.post(f"{address}/v1/place", json=JOB, headers={"authorization": f"Bearer {token}"})


def test_serves_who_has_a_certificate_of_the_authority(folder: Path, address: str) -> None:
    told = place(address, shaking(folder, "caller"))
    assert told.json()["placements"][0]["status"] == "PLACED"
    assert place(address, shaking(folder, "caller"), token="wrong").status_code == 401  # both are asked for


@pytest.mark.parametrize("name", [None, "stranger", "past"])
def test_refuses_everybody_else(folder: Path, address: str, name: str | None) -> None:
    with pytest.raises(
        httpx.TransportError
    ):  # TLS 1.3 tells it with the first answer, so it may be any of them
        place(address, shaking(folder, name))
    assert place(address, shaking(folder, "caller")).status_code == 200  # and goes on serving
    log = (folder / "log").read_text()
    assert TOKEN not in log
    statuses = [line["status"] for line in map(json.loads, log.splitlines()) if line["message"] == "request"]
    assert set(statuses) <= {200, 401}


@pytest.mark.parametrize("path", ["/live", "/ready", "/metrics"])
def test_no_path_is_open_to_who_has_none(folder: Path, address: str, path: str) -> None:
    with pytest.raises(httpx.TransportError):
        httpx.get(address + path, verify=shaking(folder, None), trust_env=False)


def test_answers_nothing_without_tls(address: str) -> None:
    with pytest.raises(httpx.TransportError):
        httpx.get(address.replace("https", "http") + "/live", trust_env=False)
