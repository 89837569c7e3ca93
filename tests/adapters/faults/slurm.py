"""A Slurm in memory behind its command line and behind slurmrestd, which fails when told to.

The answers have the fields that the adapter reads, as 22.05 spells them; the real ones are tested in
`tests.adapters.slurm`.
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from hal.adapters import Adapter
from hal.adapters.slurm import SlurmAdapter

CPUS = 16
_UPDATE = re.compile(r'update JobId=(\d+) ReqNodeList=(\S*) AdminComment="(.*)"$')


class FakeSlurm:
    """Four nodes of 16 CPUs."""

    def __init__(self) -> None:
        self.nodes = [f"c{i}" for i in range(4)]
        self.jobs: dict[str, dict[str, Any]] = {}
        self.started: Counter[str] = Counter()
        self.offset = 0

    def submit(self, cpus: int = 1) -> str:
        number = len(self.jobs) + 1
        self.jobs[str(number)] = {
            "job_id": number, "name": "j", "user_name": "u", "partition": "p", "job_state": "PENDING",
            "state_reason": "JobHeldUser", "priority": 0, "node_count": 1, "cpus": cpus, "tasks": 1,
            "memory_per_node": 1, "comment": "hal", "required_nodes": "", "nodes": "",
            "submit_time": int(time.time()) + self.offset, "eligible_time": int(time.time()) + self.offset,
            "job_resources": {},
        }  # fmt: skip
        return str(number)

    def start(self, job: str, node: str) -> None:
        row = self.jobs[job]
        row |= {"job_state": "RUNNING", "nodes": node, "priority": 1, "state_reason": "None"}
        cores = {"0": {"cores": dict.fromkeys(range(row["cpus"]))}}
        row["job_resources"] = {
            "allocated_nodes": [{"nodename": node, "memory_allocated": 1, "sockets": cores}]
        }
        self.started[job] += 1

    def used(self) -> Counter[str]:
        used: Counter[str] = Counter()
        for row in self.jobs.values():
            if row["job_state"] == "RUNNING":
                used[row["nodes"]] += row["cpus"]
        return used

    # ---- as its commands and its REST interface say it -----------------------------------------------

    def told(self, what: str) -> dict[str, Any]:
        if what == "nodes":
            rows = [
                {"name": name, "state": "idle", "state_flags": [], "cpus": CPUS, "real_memory": 100_000, "gres": "",
                 "partitions": ["p"], "alloc_cpus": 0, "alloc_memory": 0}
                for name in self.nodes
            ]  # fmt: skip
            return {"errors": [], "nodes": rows}
        return {"errors": [], what: list(self.jobs.values()) if what == "jobs" else []}

    def obey(self, line: str) -> None:
        update = _UPDATE.match(line)
        verb, _, job = line.partition(" ")
        if update and update[1] in self.jobs:
            self.jobs[update[1]] |= {"required_nodes": update[2], "admin_comment": update[3]}
        elif verb == "hold" and job in self.jobs and self.jobs[job]["job_state"] == "PENDING":
            self.jobs[job] |= {"priority": 0, "state_reason": "JobHeldUser"}
        elif verb == "release" and job in self.jobs and self.jobs[job]["job_state"] == "PENDING":
            row = self.jobs[job]
            row |= {"priority": 5, "state_reason": "Resources"}
            node = row["required_nodes"] or self.nodes[0]
            if self.used()[node] + row["cpus"] <= CPUS:
                self.start(job, node)


class SlurmFaults:
    """See `tests.adapters.faults.suite.Harness`. ``form``: json or rest."""

    secret = "eyJhbGciOiJIUzI1NiJ9.eyJzdW4iOiJoYWwifQ.c2VjcmV0"
    changing = ("change: lost request", "change: lost answer", "change: error")

    def __init__(self, folder: Path, form: str) -> None:
        self.slurm, self.form, self.folder = FakeSlurm(), form, folder
        self.reading = ("timeout", "error", "truncated", "nonsense", "empty", "odd values") + (
            ("denied", "hung up", "drip") if form == "rest" else ()
        )
        self._kind, self._left = "", 0
        self.token = folder / "token"
        self.token.write_text(self.secret)
        self.server = self._serve() if form == "rest" else None

    def close(self) -> None:
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()

    def adapter(self) -> SlurmAdapter:
        if self.server is None:
            self.made = SlurmAdapter(form="json", poll=0.01)
        else:
            url = f"http://127.0.0.1:{self.server.server_port}"
            self.made = SlurmAdapter(form="rest", url=url, token_file=str(self.token), poll=0.01)
        return self.made

    def _strikes(self, changing: bool) -> str:
        if not self._left or (self._kind in self.changing) != changing:
            return ""
        self._left -= 1
        return self._kind

    def _spoilt(self, kind: str, text: str) -> str:
        match kind:
            case "truncated":
                return text[: len(text) // 2]
            case "nonsense":
                return "<html>slurmdbd: error: \x00\ud83d" + text[::-1]
            case "empty":
                return ""
            case "odd values":
                return text.replace('"name": "c1"', '"name": "c0"').replace(
                    f'"cpus": {CPUS}', '"cpus": -1e999'
                )
        return text

    # ---- the command line: in place of subprocess.run ------------------------------------------------

    def run(self, command: Sequence[str], *, input: str, timeout: float, **_: object) -> Any:
        def done(out: str, code: int = 0, error: str = "") -> Any:
            return subprocess.CompletedProcess(list(command), code, out, error)

        if command == ["sinfo", "--version"]:
            return done("slurm 22.05.8")
        if list(command) == ["scontrol"]:
            kind = self._strikes(True)
            if kind == "change: error":
                return done("", 1, "slurm_update error: Unable to contact slurm controller (connect failure)")
            if kind != "change: lost request":
                for line in input.splitlines():
                    self.slurm.obey(line)
            if kind:
                raise subprocess.TimeoutExpired(list(command), timeout)
            return done("")
        if command[0] == "scontrol":
            return done("No reservations in the system\n")
        kind = self._strikes(False)
        if kind == "timeout":
            raise subprocess.TimeoutExpired(list(command), timeout)
        if kind == "error":
            return done("", 1, "slurm_load_jobs error: Unable to contact slurm controller (connect failure)")
        text = json.dumps(self.slurm.told("nodes" if command[0] == "sinfo" else "jobs"))
        return done(self._spoilt(kind, text))

    # ---- slurmrestd ----------------------------------------------------------------------------------

    def _serve(self) -> ThreadingHTTPServer:
        faults = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                """Nothing is written."""

            def do_GET(self) -> None:
                version, what = self.path.split("/")[2:4]
                if version != "v0.0.38":
                    self.send_error(404)
                    return
                kind = faults._strikes(False) if what in ("nodes", "jobs") else ""
                if kind == "timeout":
                    time.sleep(0.4)
                    return
                if kind in ("error", "denied") or self.headers["X-SLURM-USER-TOKEN"] != faults.secret:
                    self.send_error(500 if kind == "error" else 401)
                    return
                body = faults._spoilt(kind, json.dumps(faults.slurm.told(what))).encode(errors="replace")
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if kind == "hung up":
                    body = body[: len(body) // 2]
                if kind == "drip":  # each byte in time, and all of them never
                    for at in range(20):
                        with contextlib.suppress(OSError):
                            self.wfile.write(body[at : at + 1])
                        time.sleep(0.05)
                    return
                self.wfile.write(body)

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return server

    # ---- as a user -----------------------------------------------------------------------------------

    def submit(self, count: int) -> list[str]:
        return [self.slurm.submit() for _ in range(count)]

    def withdraw(self, jobs: Sequence[str]) -> None:
        for job in jobs:
            self.slurm.jobs[job]["job_state"] = "CANCELLED"

    def seize(self, job: str, node: str) -> None:
        self.slurm.start(job, node)

    def fail(self, kind: str, times: int) -> None:
        self._kind, self._left = kind, times
        # Only then: an answer that is just late on a busy machine is no fault.
        if kind in ("timeout", "drip"):
            self.made.client.timeout = 0.3

    def forget(self, adapter: Adapter) -> None:
        adapter.snapshot()  # a later look: the one that the loop knows is not kept

    def skew(self, seconds: int) -> None:
        self.slurm.offset = seconds

    def lie(self, node: str) -> None:
        self.slurm.start(self.slurm.submit(cpus=64), node)

    def starts(self, job: str) -> int:
        return self.slurm.started[job]

    def where(self, job: str) -> Sequence[str]:
        given = self.slurm.jobs[job]["nodes"]
        return [given] if given else []

    def overfull(self) -> Sequence[str]:
        return [node for node, used in self.slurm.used().items() if used > CPUS]
