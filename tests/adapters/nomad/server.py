"""A stateful stand-in for Nomad's HTTP API: real captures, and every request and answer held to the API's field names.

No real Nomad can be had where these tests run.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.adapters.nomad.region import Region

TOKEN = "4f2f1d4e-secret-of-the-tests"
QUERIES = {
    "nodes": {"resources", "per_page", "index", "wait"},
    "jobs": {"namespace", "meta", "index", "wait"},
    "allocations": {"namespace", "resources", "index", "wait"},
    "node": set(),
    "job": {"namespace"},
    "stream": {"topic", "index", "namespace"},
}
Fault = Callable[[str, str], str]


class Nomad(Region):
    """A region with its HTTP server; ``fault`` is told each request's method and path, and names what goes wrong."""

    def __init__(self, structs: dict[str, dict[str, str]], *, keep: int = 100, beat: float = 0.2) -> None:
        super().__init__(structs, keep=keep)
        self.beat = beat
        self.calls: list[str] = []
        self.token = TOKEN
        self.fault: Fault = lambda method, path: ""
        self.streams = 0
        nomad = self

        class Handler(_Handler):
            of = nomad

        self.http = _Server(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.http.server_port}"
        self._thread = threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it, and all streams."""
        self.break_streams()
        self.http.shutdown()
        self.http.server_close()
        self._thread.join()

    def break_streams(self) -> None:
        """End all open event streams, as a server that restarts does."""
        with self.changed:
            self.streams += 1
            self.changed.notify_all()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that hang up are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    of: Nomad
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._do("GET")

    def do_POST(self) -> None:
        self._do("POST")

    def _do(self, method: str) -> None:
        of, url = self.of, urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        parts = [unquote(part) for part in url.path.split("/")[2:]]
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"null")
        of.calls.append(f"{method} {url.path}")
        try:
            fault = of.fault(method, url.path)
            if self.headers.get("X-Nomad-Token") != of.token:
                fault = "403"
            if fault.isdigit():
                text = "Permission denied" if fault == "403" else "rpc error: no leader"
                self._send(int(fault), text.encode() + f" for {self.headers.get('X-Nomad-Token')}".encode())
            elif parts[0] == "event":
                self._known("stream", query)
                self._stream(int(query.get("index", "0")), fault)
            else:
                status, answer, index = self._answer(method, parts, query, body)
                text = json.dumps(answer) if status == 200 else answer
                if fault.startswith("slow"):
                    time.sleep(float(fault[4:]))
                if fault == "truncate":
                    text = text[: len(text) // 2]
                if fault == "nonsense":
                    text = '{"Nodes": 17}'
                self._send(status, text.encode(), index)
                if fault == "deaf":
                    of.fault = lambda method, path: ""
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _send(self, status: int, body: bytes, index: int = 0) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Nomad-Index", str(index))
        self.end_headers()
        self.wfile.write(body)

    def _known(self, endpoint: str, query: dict[str, str]) -> None:
        self.of.wrong += [f"{self.path}: no parameter {key}" for key in query if key not in QUERIES[endpoint]]

    def _answer(
        self, method: str, parts: list[str], query: dict[str, str], body: Any
    ) -> tuple[int, Any, int]:
        of = self.of
        with of.changed:
            if method == "GET":
                self._known(parts[0], query)
                return self._read(parts, query)
            if parts == ["jobs"]:
                of.check("JobRegisterRequest", body, "register")
                job, current = (
                    body["Job"],
                    of.jobs.get((body["Job"].get("Namespace") or "default", body["Job"]["ID"])),
                )
                if body.get("EnforceIndex"):
                    said = f"Enforcing job modify index {body['JobModifyIndex']}: job"
                    if current is None:
                        return 500, f"{said} does not exist", 0
                    if current["JobModifyIndex"] != body["JobModifyIndex"]:
                        return (
                            500,
                            f"{said} exists with conflicting job modify index: {current['JobModifyIndex']}",
                            0,
                        )
                index = of.register(job)
                answer = {"EvalID": str(uuid.uuid4()), "JobModifyIndex": index}
                return 200, of.check("JobRegisterResponse", answer, "registered"), index
            if parts[0] == "job" and parts[2:] == ["plan"]:
                of.check("JobPlanRequest", body, "plan")
                return 200, of.check("JobPlanResponse", of.plan(body["Job"]), "planned"), of.index
        return 404, "no such endpoint", 0

    def _read(self, parts: list[str], query: dict[str, str]) -> tuple[int, Any, int]:
        of = self.of
        if parts[0] == "node":
            node = of.nodes.get(parts[1])
            return (200, of.check("Node", node, "node"), of.index) if node else (404, "node not found", 0)
        if parts[0] == "job":
            job = of.jobs.get((query.get("namespace", "default"), parts[1]))
            return (200, of.check("Job", job, "job"), of.index) if job else (404, "job not found", 0)
        rows, struct = {
            "nodes": (of.nodes, "NodeListStub"), "jobs": (of.jobs, "JobListStub"),
            "allocations": (of.allocs, "AllocationListStub"),
        }[parts[0]]  # fmt: skip
        if "index" in query:
            end = time.monotonic() + float(query["wait"].removesuffix("s"))
            while of.touched[parts[0]] <= int(query["index"]) and time.monotonic() < end:
                of.changed.wait(end - time.monotonic())
        found = [of.stub(struct, row) for row in rows.values()]
        if "resources" not in query:
            found = [{k: v for k, v in row.items() if "Resources" not in k} for row in found]
        return (
            200,
            of.check(f"[]{struct}", found[: int(query.get("per_page", len(found)))], parts[0]),
            of.touched[parts[0]],
        )

    def _stream(self, index: int, fault: str) -> None:
        of = self.of
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        sent, streams = index - 1, of.streams
        if not index:
            sent = of.index
        while True:
            with of.changed:
                if of.streams != streams:
                    break
                lines = [(at, events) for at, events in of.events if at > sent]
                if not lines and of.changed.wait(of.beat):
                    continue
                sent = lines[-1][0] if lines else sent
            text = "".join(
                json.dumps(of.check("Events", {"Index": at, "Events": events}, "event")) + "\n"
                for at, events in lines
            )
            for _, events in lines:
                for event in events:
                    of.check("eventPayload", event["Payload"], "payload")
            data = (text or "{}\n").encode()
            if fault == "truncate":
                data = data[: len(data) // 2 + 1] + b"\n"
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")
