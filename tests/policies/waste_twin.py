"""What expected_waste computes, plainly: see src/halcore/policies/{rollouts,waste_value}.h."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

MASK = (1 << 64) - 1
SEQUENCES, DRAWS, WIDE, EAGER = 32, 40, 20, 20


@dataclass(frozen=True)
class Task:
    """A typical task and how often it is asked for."""

    cpu: int
    milli: int
    gpus: int
    models: tuple[str, ...]
    count: int


def split_mix(seed: int) -> Iterator[int]:
    """Yield the numbers of SplitMix64."""
    while True:
        seed = (seed + 0x9E3779B97F4A7C15) & MASK
        z = seed
        z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ z >> 27) * 0x94D049BB133111EB) & MASK
        yield z ^ z >> 31


class Waste:
    """V and the gain of a task on nodes of one model; every node of the cluster is of that model."""

    def __init__(self, tasks: Sequence[Task], model: str, most_cpu: int) -> None:
        self.most_cpu = most_cpu
        self.cpu_step = max(-(-most_cpu // 64), 1)
        self.tasks = sorted(tasks, key=lambda t: (t.count, t.cpu, t.milli, t.gpus, t.models), reverse=True)
        every = sum(t.count for t in tasks)
        self.p = [t.count / every for t in self.tasks]
        self.here = [t.gpus == 0 or not t.models or model in t.models for t in self.tasks]
        tickets = [int(p * 2**20) + 1 for p in self.p]
        numbers = split_mix(0)
        self.sequences = []
        for _ in range(SEQUENCES):
            drawn = []
            for _ in range(DRAWS):
                ticket = ((next(numbers) >> 32) * sum(tickets)) >> 32
                task = 0
                while ticket >= tickets[task]:
                    ticket -= tickets[task]
                    task += 1
                drawn.append(task)
            self.sequences.append(drawn)
        # All GPUs may run what may run here, so the price is this model's share of the demand.
        demand = sum(p * t.gpus * self.milli(t) for p, t in zip(self.p, self.tasks, strict=True))
        mine = [
            p * t.gpus * self.milli(t)
            for p, t, may in zip(self.p, self.tasks, self.here, strict=True)
            if may and t.gpus
        ]
        self.price = int(sum(part / demand for part in mine) * 1024) if mine else 0

    @staticmethod
    def milli(t: Task) -> int:
        return t.milli if t.gpus == 1 else 1000

    def value(self, free: list[int], cpu: int) -> int:
        """V in 1/80 milli-GPU."""
        if not sum(free):
            return 0
        cpu -= cpu % self.cpu_step
        left = sorted(sum(free) - self.used(drawn, list(free), cpu) for drawn in self.sequences)
        wide = sum(p * t.gpus for p, t in zip(self.p, self.tasks, strict=True) if t.gpus > 1)
        lost = 0
        for p, t, may in zip(self.p, self.tasks, self.here, strict=True):
            if t.gpus > 1:
                usable = [g for g in free if g >= t.milli]
                fits = may and len(usable) >= t.gpus and cpu >= t.cpu
                lost += int(p * t.gpus / wide * 2**20) * (sum(free) - sum(usable) * fits)
        w = sum(left) + 3 * sum(left[: SEQUENCES // 2])
        return w + (lost * 80 // 1000 * WIDE >> 20) + 80 * EAGER * free.count(1000)

    def used(self, drawn: list[int], free: list[int], cpu: int) -> int:
        least = min(
            (t.cpu for t, may in zip(self.tasks, self.here, strict=True) if t.gpus and may), default=None
        )
        smallest = min(
            (self.milli(t) for t, may in zip(self.tasks, self.here, strict=True) if t.gpus and may), default=0
        )
        used = 0
        for task in (self.tasks[k] for k in drawn if self.here[k]):
            if least is None or cpu < least or all(g < smallest for g in free):
                break
            milli = self.milli(task)
            fitting = sorted(range(len(free)), key=lambda g: free[g])
            fitting = [g for g in fitting if free[g] >= milli][: task.gpus]
            if cpu < task.cpu or len(fitting) < task.gpus:
                continue
            for g in fitting:
                free[g] -= milli
            used += milli * task.gpus
            cpu -= task.cpu
        return used

    def score(self, free: list[int], cpu: int, task: Task) -> float:
        """Return the score of the best device."""
        if task.gpus == 1 and task.milli < 1000:
            choices = [[g] for g in range(len(free)) if free[g] >= task.milli]
        else:
            choices = [[g for g in sorted(range(len(free)), key=lambda g: free[g]) if free[g] >= task.milli]]
        before, price = self.value(free, cpu), self.price * task.milli * task.gpus * 80 * 2 // 5 // 1024
        after = []
        for choice in choices:
            taken = set(choice[: task.gpus])
            rest = [g - task.milli * (k in taken) for k, g in enumerate(free)]
            after.append((before - self.value(rest, cpu - task.cpu) - price) // 1600)
        gain = min(max(max(after) + 32768, 0), 65535)
        return ((gain << 14) + 16383 - (cpu - task.cpu) * 16383 // self.most_cpu) / 2**30
