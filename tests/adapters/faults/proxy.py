"""Between a client and a real API server: passes everything on, and spoils what it is told to."""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from hal.adapters.kubernetes.config import Access

__all__ = ["Proxy"]

_TIMES: Final = re.compile(rb'("\w+(?:Time|Timestamp)":")(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)')
#: Answers in place of the server's.
_STATUSES: Final = {"500": 500, "403": 403, "409": 409, "429": 429, "401": 401}
_SPOILT: Final[dict[str, Callable[[bytes], bytes]]] = {
    "truncated": lambda text: text[: len(text) // 2],
    "nonsense": lambda text: b"<html>upstream: \x00\xff\xfe" + text[::-1],
    "odd values": lambda text: re.sub(
        rb'"(metadata|items|object)":[{\[]', rb'"\1":[null,17,{"metadata":[]}],"was":{', text
    ),
    "strangers": lambda text: text.replace(b'"items":[{', b'"items":[null,{"metadata":{"name":3}},{'),
}


class Proxy(ThreadingHTTPServer):
    """Plain HTTP on loopback in front of the API server that ``access`` leads to.

    Attributes
    ----------
    fault : callable
        Method and path → what becomes of this request; empty: nothing.
    answered : callable
        Told of each answer of the server: method, path, status.
    skew : int
        Seconds by which the server's times are wrong.
    """

    daemon_threads = True

    def __init__(self, access: Access) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.access = access
        self.fault: Callable[[str, str], str] = lambda method, path: ""
        self.answered: Callable[[str, str, int], None] = lambda method, path, status: None
        self.skew = 0
        self.streams: set[socket.socket] = set()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"

    def cut(self) -> None:
        """End every watch that goes on."""
        for stream in list(self.streams):
            with contextlib.suppress(OSError):
                stream.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End everything."""
        self.cut()
        self.shutdown()
        self._thread.join()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Leave out that somebody hung up: that is what it is for."""
        if not isinstance(sys.exception(), OSError | http.client.HTTPException):
            super().handle_error(request, client_address)

    def told(self, text: bytes) -> bytes:
        """Return an answer with the server's times."""

        def moved(found: re.Match[bytes]) -> bytes:
            then = datetime.fromisoformat(found[2].decode()) + timedelta(seconds=self.skew)
            return found[1] + then.isoformat().encode()

        return _TIMES.sub(moved, text) if self.skew else text


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Proxy
    _up: http.client.HTTPSConnection | None = None

    def log_message(self, *_: object) -> None:
        """Be quiet."""

    def finish(self) -> None:
        if self._up is not None:
            self._up.close()
        super().finish()

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        kind = self.server.fault(self.command, self.path)
        if kind in _STATUSES or kind == "410":
            self._answer(_STATUSES.get(kind, 410), b'{"kind": "Status", "message": "of the test"}')
            return
        if kind in ("lost request", "slow"):
            time.sleep(1.0 if kind == "slow" else 0.0)
            self.close_connection = True
            return
        up = self._connected()
        headers = {key: value for key, value in self.headers.items() if key not in ("Host", "Content-Length")}
        up.request(self.command, self.path, body or None, headers)
        answer = up.getresponse()
        if "watch=1" in self.path and answer.status == 200:
            self._stream(answer, kind)
            return
        text = answer.read()
        self.server.answered(self.command, self.path, answer.status)
        if kind == "lost answer":
            self.close_connection = True
            return
        text = self.server.told(text)
        if kind == "hung up":
            self._answer(answer.status, text[: len(text) // 2], len(text))
            self.close_connection = True
            return
        self._answer(answer.status, _SPOILT[kind](text) if kind else text)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass  # noqa: N815  # the names that http.server asks for

    def _connected(self) -> http.client.HTTPSConnection:
        if self._up is None:
            access = self.server.access
            self._up = http.client.HTTPSConnection(
                access.host, access.port, timeout=90, context=access.context
            )
            self._up.connect()
        return self._up

    def _answer(self, status: int, text: bytes, length: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text) if length is None else length))
        self.end_headers()
        self.wfile.write(text)

    def _stream(self, answer: http.client.HTTPResponse, kind: str) -> None:
        """Pass a watch on, line by line; what is spoilt is its first."""
        assert self._up is not None
        self.close_connection = True
        stream = self._up.sock
        self.server.streams.add(stream)
        try:
            self.send_response(200)
            self.send_header("Connection", "close")
            self.end_headers()
            for line in answer:
                if kind in ("lost answer", "hung up"):
                    self.wfile.write(line[:20])
                    return
                text = self.server.told(line)
                self.wfile.write(_SPOILT[kind](text) + b"\n" if kind else text)
                self.wfile.flush()
                kind = ""
        finally:
            self.server.streams.discard(stream)
