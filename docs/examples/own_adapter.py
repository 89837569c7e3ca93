"""A whole adapter, held to the contract; its orchestrator is a farm of machines that tells only what is now."""

import time
from collections.abc import Iterator, Mapping, Sequence

from hal.adapters import CONTRACT, Applied, Delta, Loop, Outcome, Running, Snapshot, Stale
from hal.adapters.conformance import CHECKS
from hal.adapters.mirror import Look, differences

import hal


class Farm:
    """Stands for the orchestrator: machines with cores, and tasks that wait or run."""

    def __init__(self) -> None:
        self.machines = {f"m{i}": {"cores": 8, "open": True} for i in range(3)}
        self.tasks: dict[str, dict[str, str | int]] = {}
        self.notes: dict[str, str] = {}

    def submit(self, cores: int) -> str:
        name = f"task{len(self.tasks)}"
        self.tasks[name] = {"cores": cores, "on": ""}
        return name

    def start(self, task: str, machine: str) -> bool:
        """Start a task; False when it is not there, runs already, or the machine is full or gone."""
        row, has = self.tasks.get(task), self.machines.get(machine)
        if row is None or has is None or row["on"]:
            return False
        used = sum(int(other["cores"]) for other in self.tasks.values() if other["on"] == machine)
        if used + int(row["cores"]) > int(has["cores"]):
            return False
        row["on"] = machine
        return True


def convert(farm: Farm) -> Look:
    """Translate everything; pure."""
    nodes = [
        hal.Node(name, cpus=row["cores"], schedulable=bool(row["open"]))
        for name, row in farm.machines.items()
    ]
    jobs = {name: hal.Job(name, cpus=int(row["cores"])) for name, row in farm.tasks.items()}
    running = [Running(jobs[name], (str(row["on"]),)) for name, row in farm.tasks.items() if row["on"]]
    return Look.of(nodes, running, [jobs[name] for name, row in farm.tasks.items() if not row["on"]])


class FarmAdapter:
    """Looks again and again, and tells the differences."""

    contract = CONTRACT
    name = "farm"

    def __init__(self, farm: Farm | None = None, *, poll: float = 0.02) -> None:
        self.farm, self.poll = farm or Farm(), poll
        self.version = "0"
        self._last = Look()

    def snapshot(self) -> Snapshot:
        look = self._look()
        return Snapshot(
            tuple(look.nodes.values()),
            tuple(look.running.values()),
            tuple(look.waiting.values()),
            self.version,
            dropped=look.dropped,
        )

    def watch(self, version: str, *, timeout: float) -> Iterator[Delta]:
        if version != self.version:
            raise Stale(f"version {version}: only what changed since the last look is known")
        end = time.monotonic() + timeout
        while True:
            before = self._last
            yield from differences(before, self._look())
            if time.monotonic() >= end:
                return
            time.sleep(self.poll)

    def _look(self) -> Look:
        self._last = convert(self.farm)
        self.version = str(int(self.version) + 1)
        return self._last

    def apply(self, placements: Sequence[hal.Placement]) -> list[Applied]:
        answers = [self._one(placement) for placement in placements]
        for placement, answer in zip(placements, answers, strict=True):
            self._last.answered(placement, answer.outcome)  # the caller takes it for true from now on
        return answers

    def _one(self, placement: hal.Placement) -> Applied:
        task, (machine,) = self.farm.tasks.get(placement.job), placement.nodes
        if task is None:
            return Applied(placement.job, Outcome.GONE)
        if task["on"]:
            same = task["on"] == machine
            return Applied(placement.job, Outcome.ALREADY if same else Outcome.CONFLICT, f"on {task['on']}")
        if machine not in self.farm.machines:
            return Applied(placement.job, Outcome.REFUSED, f"no machine {machine}")
        done = self.farm.start(placement.job, machine)
        return Applied(placement.job, Outcome.APPLIED if done else Outcome.REFUSED)

    def explain(self, reasons: Mapping[str, str]) -> None:
        self.farm.notes |= {job: text for job, text in reasons.items() if job in self.farm.tasks}

    def close(self) -> None:
        pass


class FarmHarness:
    """What users and operators do to a farm beside the adapter."""

    patience = 30.0

    def __init__(self) -> None:
        self.farm = Farm()

    def adapter(self) -> FarmAdapter:
        return FarmAdapter(self.farm)

    def submit(self, count: int) -> list[str]:
        return [self.farm.submit(1) for _ in range(count)]

    def withdraw(self, job: str) -> None:
        del self.farm.tasks[job]

    def seize(self, job: str, node: str) -> bool:
        return self.farm.start(job, node)

    def where(self, job: str) -> Sequence[str]:
        on = str(self.farm.tasks.get(job, {}).get("on", ""))
        return [on] if on else []

    def close_node(self, node: str, closed: bool) -> None:
        self.farm.machines[node] = dict(self.farm.machines[node], open=not closed)


if __name__ == "__main__":
    for check in CHECKS:
        check(FarmHarness())
        print("keeps", check.__name__)

    farm = Farm()
    tasks = [farm.submit(cores) for cores in (6, 6, 6, 6)]
    print(dict(Loop(FarmAdapter(farm)).step().outcomes()), farm.notes)
