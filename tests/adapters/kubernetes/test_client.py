"""The client against a server that answers what it is told to, also nonsense."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hal.adapters.contract import Stale
from hal.adapters.kubernetes.adapter import KubernetesAdapter
from hal.adapters.kubernetes.client import ApiError, Client
from hal.adapters.kubernetes.config import Access, kubeconfig

import hal


class Server(ThreadingHTTPServer):
    """Answers with the next of ``answers``; remembers the tokens that it saw."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[tuple[int, bytes]] = []
        self.tokens: list[str] = []


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.tokens.append(self.headers.get("Authorization", ""))
        status, body = self.server.answers.pop(0)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer  # noqa: N815  # the names that http.server asks for

    def log_message(self, *_: Any) -> None:
        """Be quiet."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def connect(server: Server, **access: Any) -> Client:
    url = f"http://127.0.0.1:{server.server_address[1]}"
    return Client(Access(url, ssl.create_default_context(), **access), timeout=5)


@pytest.mark.parametrize("body", [b'{"items": [', b"[]", b"<html>", b"\xff\xfe"])
def test_nonsense_is_a_fault_of_the_server(server: Server, body: bytes) -> None:
    client = connect(server)
    server.answers = [(200, body)]
    with pytest.raises(hal.AdapterError):
        client.call("GET", "/api/v1/nodes")
    server.answers = [(200, b'{"items": null, "metadata": {"resourceVersion": "3"}}'), (500, b"boom")]
    assert client.list("/api/v1/nodes") == ([], "3")
    with pytest.raises(ApiError, match="500"):
        client.list("/api/v1/nodes")
    client.close()


def test_a_token_that_ran_out_is_read_again_and_never_told(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("secret-old\n")
    client = connect(server, token_file=file)
    server.answers = [(200, b"{}"), (401, b"{}"), (200, b"{}"), (401, b"{}"), (401, b"{}")]
    client.call("GET", "/x")
    file.write_text("secret-new\n")
    client.call("GET", "/x")
    assert server.tokens == ["Bearer secret-old", "Bearer secret-old", "Bearer secret-new"]
    with pytest.raises(ApiError) as told:
        client.call("GET", "/x")
    assert "secret" not in str(told.value)
    client.close()


@pytest.mark.parametrize(
    ("lines", "raised"),
    [
        (b'{"type": "ERROR", "object": {"code": 410, "message": "too old"}}\n', Stale),
        (b'{"type": "ERROR", "object": {"code": 500, "message": "x"}}\n', ApiError),
        (b'{"type": "ADDED", "obj\n', hal.AdapterError),
        (b'["ADDED"]\n', hal.AdapterError),
    ],
)
def test_what_ends_a_watch(server: Server, lines: bytes, raised: type[Exception]) -> None:
    client = connect(server)
    server.answers = [(200, b'{"type": "ADDED", "object": {"a": 1}}\n' + lines)]
    watch = client.watch("/x", "1", threading.Event(), {})
    assert next(watch) == ("ADDED", {"a": 1})
    with pytest.raises(raised):
        next(watch)
    server.answers = [(410, b"{}")]
    with pytest.raises(Stale):
        list(client.watch("/x", "1", threading.Event(), {}))
    client.close()


def test_many_posts_have_their_answers_in_order(server: Server) -> None:
    client = connect(server)
    server.answers = [(201, b"{}"), (409, b'{"message": "taken"}'), (201, b"")]
    assert client.post([("/a", {}), ("/b", {"x": 1}), ("/c", {})]) == [201, 409, 201]
    client.close()
    assert client.post([("/a", {})]) == [0]


@pytest.mark.parametrize(
    "text", ["{}", '{"current-context": "x"}', "[", '{"current-context": "x", "contexts": 3}']
)
def test_a_broken_kubeconfig_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(hal.AdapterError, match="kubeconfig"):
        kubeconfig(path)
    with pytest.raises(hal.AdapterError, match="kubeconfig"):
        kubeconfig(tmp_path / "none")


def test_a_context_or_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text('{"current-context": "x", "contexts": [{"name": "lab"}]}')
    with pytest.raises(hal.AdapterError, match="contexts has no 'x'; it has lab"):
        kubeconfig(path)
    with pytest.raises(hal.AdapterError, match=r"none: No such file or directory$"):
        kubeconfig(tmp_path / "none")


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("workers", 0, "at least 1"),
        ("timeout", 0.0, "at least 0.1"),
        ("lease_s", 0.0, "at least 1"),
        ("lease_s", float("nan"), "at least 1"),
        ("lease", "hal", "namespace/name, or none"),
        ("lease", "a/b/c", "namespace/name, or none"),
        ("lease", "a/", "namespace/name, or none"),
    ],
)
def test_options_that_cannot_be_are_named(option: str, value: Any, said: str) -> None:
    with pytest.raises(hal.AdapterError, match=f"{option} = .*{said}"):
        KubernetesAdapter(**{option: value})
