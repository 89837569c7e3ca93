"""An OpenTelemetry collector in a process of its own, and what it passes on, read by OTLP's own types."""

from __future__ import annotations

import gzip
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.server.live import free_port, process
from tests.waiting import until


@dataclass(frozen=True)
class Span:
    """One span as it arrived."""

    service: str
    name: str
    trace: bytes
    id: bytes
    parent: bytes
    begin: int
    end: int
    attributes: dict[str, Any]
    links: tuple[tuple[bytes, bytes], ...]


@dataclass
class Collected:
    """What the collector passed on so far, and where to send to."""

    endpoint: str = ""
    spans: list[Span] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]


@contextmanager
def collector(folder: Path) -> Iterator[Collected]:
    """Run rotel between what is tested and a receiver of its own that decodes what comes."""
    import rotel

    agent = Path(rotel.__file__).with_name("rotel-agent")
    collected, port = Collected(), free_port()
    receiver = _receiver(collected)
    command = [
        str(agent), "start", "--otlp-grpc-endpoint", f"127.0.0.1:{free_port()}",
        "--otlp-http-endpoint", f"127.0.0.1:{port}", "--exporter", "otlp", "--otlp-exporter-protocol", "http",
        "--otlp-exporter-endpoint", f"http://127.0.0.1:{receiver.server_port}", "--batch-timeout", "100ms",
        "--pid-file", str(folder / "rotel.pid"), "--log-file", str(folder / "rotel.log"),
    ]  # fmt: skip
    away = {name: "" for name in os.environ if name.lower().endswith("_proxy")}
    try:
        with process(command, folder / "rotel.out", **away):
            collected.endpoint = f"http://127.0.0.1:{port}"
            until(lambda: _listens(port), (folder / "rotel.out").read_text())
            yield collected
    finally:
        receiver.shutdown()
        receiver.server_close()
    assert not collected.wrong, collected.wrong


def _listens(port: int) -> bool:
    import socket

    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


def _receiver(collected: Collected) -> ThreadingHTTPServer:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
        ExportTraceServiceRequest,
        ExportTraceServiceResponse,
    )

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Nothing is written."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            if self.path != "/v1/traces":
                collected.wrong.append(self.path)
            try:
                collected.spans += _spans(ExportTraceServiceRequest.FromString(body))
            except Exception as error:
                collected.wrong.append(repr(error))
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server


def _spans(request: Any) -> Iterator[Span]:
    for resource in request.resource_spans:
        service = _attributes(resource.resource.attributes).get("service.name", "")
        for scope in resource.scope_spans:
            for span in scope.spans if scope.scope.name == "hal" else ():  # a web framework may have its own
                assert len(span.trace_id) == 16
                assert len(span.span_id) == 8
                yield Span(
                    service, span.name, span.trace_id, span.span_id, span.parent_span_id,
                    span.start_time_unix_nano, span.end_time_unix_nano, _attributes(span.attributes),
                    tuple((link.trace_id, link.span_id) for link in span.links),
                )  # fmt: skip


def _attributes(given: Any) -> dict[str, Any]:
    return {item.key: _value(item.value) for item in given}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    return getattr(value, kind)
