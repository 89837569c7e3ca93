"""What `hal serve` is told wrongly is named before it serves anybody."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from hal.cli.app import run


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.delenv("HAL_TOKEN", raising=False)
    (tmp_path / "c.yaml").write_text("nodes: [{name: n, cpus: 8}]")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "empty").write_text("\n")
    return str(tmp_path / "c.yaml")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--token-file DIR/none", "DIR/none: cannot be read (No such file or directory)"),
        ("--token-file DIR/binary", "DIR/binary: cannot be read (is no text)"),
        ("--token-file DIR/empty", "DIR/empty: holds no token"),
        ("--certificate DIR/none.pem", "certificates (DIR/none.pem): No such file or directory"),
        ("--certificate DIR/empty", "certificates (DIR/empty): "),
        # Without TLS nobody is asked for a certificate: anybody could call.
        ("--clients DIR/ca.pem --no-token --host 0.0.0.0", "--clients: give the server's own --certificate"),
        ("--key DIR/key.pem", "--key: give the server's own --certificate"),
        ("--no-token --host 0.0.0.0", "--no-token: anybody could call"),
        ("--policy no-such", "policy = 'no-such'"),
        ("--controller no-such", "controller = 'no-such'"),
        ("--host 192.0.2.1", "port = 8420 of 192.0.2.1: Cannot assign"),
    ],
)
def test_is_named(options: str, told: str, cluster: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(Path(cluster).parent)
    assert run(["serve", "--cluster", cluster, *options.replace("DIR", folder).split()]) == 2
    errors = capsys.readouterr().err
    assert told.replace("DIR", folder) in errors
    assert "\ntoken: " not in f"\n{errors}"  # nobody may send it, so it is not shown


def test_a_port_that_is_taken_is_named(cluster: str, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert run(["serve", "--cluster", cluster, "--port", str(port)]) == 2
    errors = capsys.readouterr().err
    assert f"port = {port} of 127.0.0.1: Address already in use; give another, or 0" in errors
    assert "serving" not in errors
