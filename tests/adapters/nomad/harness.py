"""What the tests do to their Nomad, as users and operators would."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hal.adapters.nomad import NomadAdapter

from tests.adapters.nomad.objects import GATE, job
from tests.adapters.nomad.server import TOKEN, Nomad
from tests.waiting import PATIENCE

RUNNING = ("running", "pending")


def connect(nomad: Nomad, **more: Any) -> NomadAdapter:
    return NomadAdapter(address=nomad.address, token=TOKEN, **{"timeout": 20.0, **more})


def follow(adapter: NomadAdapter) -> None:
    for _ in range(20):
        list(adapter.watch(adapter.version, timeout=0.2))


class NomadHarness:
    """What the contract's checks do to Nomad."""

    patience = PATIENCE

    def __init__(self, nomad: Nomad, **options: Any) -> None:
        self.nomad, self.options, self.count = nomad, options, 0
        self.made: list[NomadAdapter] = []

    def adapter(self) -> NomadAdapter:
        self.made.append(connect(self.nomad, **self.options))
        return self.made[-1]

    def submit(self, count: int) -> list[str]:
        names = []
        for _ in range(count):
            self.count += 1
            self.nomad.register(job(f"job{self.count}"))
            names.append(f"job{self.count}.main")
        return names

    def withdraw(self, job: str) -> None:
        self.nomad.purge(job.removesuffix(".main"))

    def seize(self, job: str, node: str) -> bool:
        raw = self.nomad.jobs["default", job.removesuffix(".main")]
        ((group),) = raw["TaskGroups"]
        pin = {**GATE, "RTarget": ids(self.nomad)[node]}
        self.nomad.register({**raw, "TaskGroups": [{**group, "Constraints": [pin]}]})
        return True

    def where(self, job: str) -> Sequence[str]:
        return where(self.nomad, job)

    def close_node(self, node: str, closed: bool) -> None:
        state = "ineligible" if closed else "eligible"
        self.nomad.set_node(ids(self.nomad)[node], SchedulingEligibility=state)


def ids(nomad: Nomad) -> dict[str, str]:
    return {f"{row['Name']}-{key[:8]}": key for key, row in nomad.nodes.items()}


def where(nomad: Nomad, name: str) -> list[str]:
    names = {key: name for name, key in ids(nomad).items()}
    job_id, _, group = name.rpartition(".")
    return [
        names[a["NodeID"]] for a in nomad.allocs.values()
        if a["JobID"] == job_id and a["TaskGroup"] == group and a["ClientStatus"] in RUNNING
    ]  # fmt: skip
