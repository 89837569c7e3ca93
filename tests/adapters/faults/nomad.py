"""The tests' Nomad, which fails when told to; answers and events are those of `tests.adapters.nomad`."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from hal.adapters import Adapter
from hal.adapters.nomad import NomadAdapter

from tests.adapters.nomad.harness import NomadHarness, connect, ids
from tests.adapters.nomad.objects import job, node
from tests.adapters.nomad.server import TOKEN, Nomad


class NomadFaults:
    """See `tests.adapters.faults.suite.Harness`."""

    reading = ("500", "403", "truncate", "nonsense", "slow0.5")
    changing = ("change: 500", "change: slow0.5", "change: truncate")
    secret = TOKEN

    def __init__(self, folder: Path) -> None:
        self.nomad = Nomad(json.loads((folder / "api_fields.json").read_text()), keep=100_000)
        for number in range(4):
            self.nomad.add_node(node(f"{number}afe0000-0000-4000-8000-00000000000{number}", f"c{number}"))
        self.users = NomadHarness(self.nomad)
        self._kind, self._left = "", 0
        self._jobs = 0
        self.nomad.fault = self._fault

    def close(self) -> None:
        self.nomad.fault = lambda method, path: ""
        self.nomad.stop()
        assert not self.nomad.wrong, self.nomad.wrong[:10]

    def _fault(self, method: str, path: str) -> str:
        changing = (method, path) == ("POST", "/v1/jobs")
        stream = path == "/v1/event/stream"  # has faults of its own: tests.adapters.nomad.test_nomad_faults
        if not self._left or stream or self._kind.startswith("change") != changing:
            return ""
        self._left -= 1
        return self._kind.removeprefix("change: ")

    def adapter(self) -> NomadAdapter:
        self.made = connect(self.nomad, patience=60.0)
        return self.made

    def submit(self, count: int) -> list[str]:
        names = [f"job{self._jobs + number}" for number in range(count)]
        self._jobs += count
        with self.nomad.changed:
            schedule = self.nomad.schedule
            self.nomad.schedule = lambda: None  # they wait at the gate
            for name in names:
                self.nomad.register(job(name))
            self.nomad.schedule = schedule
        return [f"{name}.main" for name in names]

    def withdraw(self, jobs: Sequence[str]) -> None:
        for name in jobs:
            self.users.withdraw(name)

    def seize(self, job: str, node: str) -> None:
        self.users.seize(job, node)

    def fail(self, kind: str, times: int) -> None:
        self._kind, self._left = kind, times
        if "slow" in kind:  # only then: an answer that is just late on a busy machine is no fault
            self.made.client.timeout = 0.3

    def forget(self, adapter: Adapter) -> None:
        with self.nomad.changed:
            self.nomad.events.clear()
        self.nomad.break_streams()

    def skew(self, seconds: int) -> None:
        """No time of Nomad's is looked at."""

    def lie(self, node: str) -> None:
        resources = {
            "Tasks": {"run": {"Cpu": {"CpuShares": 99_000}, "Memory": {"MemoryMB": 1}}},
            "Shared": {"DiskMB": 1},
        }
        row = {
            "ID": str(uuid.uuid4()), "Namespace": "default", "JobID": "huge", "TaskGroup": "main",
            "Name": "huge.main[0]", "NodeID": ids(self.nomad)[node], "NodeName": node, "DesiredStatus": "run",
            "ClientStatus": "running", "CreateIndex": 1, "AllocatedResources": resources,
        }  # fmt: skip
        self.nomad.allocs[row["ID"]] = row
        self.nomad.set_alloc(row["ID"])

    def starts(self, job: str) -> int:
        return sum(f"{row['JobID']}.{row['TaskGroup']}" == job for row in self.nomad.allocs.values())

    def where(self, job: str) -> Sequence[str]:
        return self.users.where(job)

    def overfull(self) -> Sequence[str]:
        used: Counter[str] = Counter()
        for row in self.nomad.allocs.values():
            if row["ClientStatus"] == "running":
                tasks = row["AllocatedResources"]["Tasks"].values()
                used[row["NodeID"]] += sum(task["Cpu"]["CpuShares"] for task in tasks)
        return [key for key, amount in used.items() if amount > 4000]
