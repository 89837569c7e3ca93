"""The simulator once more, plain: every running job is looked at for every event. O(jobs) an event."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field

import numpy as np

import hal
from hal.energy import cluster_power
from hal.replay import Arrivals, Contention, Failures, Sleeping, linear_power

AWAKE, ASLEEP, WAKING, DOWN = "awake", "asleep", "waking", "down"


class SplitMix64:
    """Steele, Lea and Flood, OOPSLA 2014."""

    def __init__(self, seed: int) -> None:
        self.state = seed

    def uniform(self) -> float:
        mask = 2**64 - 1
        self.state = (self.state + 0x9E3779B97F4A7C15) & mask
        z = self.state
        z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ z >> 27) * 0x94D049BB133111EB) & mask
        return ((z ^ z >> 31) >> 11) * 2.0**-53


@dataclass
class Running:
    left: float  # seconds at full speed
    nodes: list[int]


@dataclass
class Twin:
    cluster: hal.Cluster
    work: Arrivals
    kinds: list[hal.Job]  # by job
    contention: Contention | None
    sleep: Sleeping | None
    failures: Failures | None
    seed: int
    fcfs: bool
    half_life: float = 300.0
    composed: str = "pack_spread({p})"
    now: float = 0.0
    joules: float = 0.0
    running: dict[int, Running] = field(default_factory=dict)
    waiting: set[int] = field(default_factory=set)
    rows: list[dict[str, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cluster = self.cluster.fork()
        self.names = self.cluster.node_names()
        count = len(self.names)
        self.state = [AWAKE] * count
        self.ready = [math.inf] * count
        self.empty_since = [0.0] * count
        self.fails, self.repairs = [math.inf] * count, [math.inf] * count
        self.random = SplitMix64(self.seed)
        for n in range(count if self.failures else 0):
            self.draw_failure(n)
        jobs = len(self.work)
        self.start, self.end = [math.nan] * jobs, [math.nan] * jobs
        self.node, self.restarts = [-1] * jobs, [0] * jobs
        self.infeasible = [
            answer.status is hal.Status.INFEASIBLE
            for answer in (hal.place(self.cluster, job, "spread")[0] for job in self.kinds)
        ]
        self.arrived = 0
        self.tau, self.mean, self.mean_at = self.half_life / math.log(2), 0.0, 0.0
        self.last_work = 0.0
        self.model = linear_power()

    def draw_failure(self, n: int) -> None:
        assert self.failures is not None
        span = -float(self.failures.mean_between) * math.log1p(-self.random.uniform())
        self.fails[n] = self.now + span

    # ---- the models ----------------------------------------------------------------------------------

    def node_speed(self, n: int) -> float:
        if self.state[n] != AWAKE:
            return 0.0
        columns = self.cluster.columns
        tasks = int(columns.tasks[n])
        if self.contention is None or tasks < 2:
            return 1.0
        shares = [
            1 - columns.free_cpu[n] / columns.capacity_cpu[n],
            1 - columns.free_memory[n] / columns.capacity_memory[n],
        ]
        if columns.gpu_count[n]:
            shares.append(1 - columns.gpu_total_free[n] / (1000 * columns.gpu_count[n]))
        others = max(shares) * (1 - 1 / tasks)
        c = self.contention
        crowd = max(others - c.threshold, 0.0) / (1 - c.threshold)
        return float(1 / (1 + c.strength * crowd**c.exponent))

    def watts(self) -> float:
        awake = cluster_power(self.cluster, self.model)
        asleep = self.sleep.watts if self.sleep else 0.0
        draws = {AWAKE: None, WAKING: None, ASLEEP: asleep, DOWN: 0.0}
        return sum(
            float(awake[n]) if draws[s] is None else float(draws[s] or 0.0) for n, s in enumerate(self.state)
        )

    def pending_work(self) -> float:
        columns = self.cluster.columns
        up = [n for n, s in enumerate(self.state) if s != DOWN]
        asked = np.zeros(3)
        for job in self.waiting:
            kind = self.kinds[job]
            asked += kind.tasks * np.array([kind.cpu_milli, kind.memory_mib, int(kind.gpus) * kind.gpu_milli])
        rooms = [
            columns.capacity_cpu[up].sum(),
            columns.capacity_memory[up].sum(),
            1000 * columns.gpu_count[up].sum(),
        ]
        return float(max((a / room for a, room in zip(asked, rooms, strict=True) if room > 0), default=0.0))

    def drift(self) -> float:
        mean = self.last_work + (self.mean - self.last_work) * math.exp(-(self.now - self.mean_at) / self.tau)
        self.mean, self.mean_at = mean, self.now
        self.last_work = self.pending_work()
        return (self.last_work - mean) / self.tau

    # ---- events --------------------------------------------------------------------------------------

    def advance(self, until: float, p: float) -> bool:
        self.policy = self.composed.format(p=round(64 * p) / 64)
        before, begin = self.joules, self.now
        while not self.finished():
            time, event = self.next_event()
            if time > until:
                break
            self.pass_time(time)
            event()
            self.look_at_queue()
            self.drift()
        self.pass_time(until)
        self.rows.append(
            {
                "time": self.now,
                "queue": len(self.waiting),
                "running": len(self.running),
                "asleep": self.state.count(ASLEEP),
                "down": self.state.count(DOWN),
                "power_w": (self.joules - before) / (until - begin),
                "pending_work": self.pending_work(),
                "drift": self.drift(),
                "sigma": hal.signals.Monitor(self.cluster).read(0).sigma,
            }
        )
        return not self.finished()

    def finished(self) -> bool:
        return self.arrived == len(self.work) and not self.running and DOWN not in self.state

    def next_event(self):
        due = []
        for job, run in self.running.items():
            speed = min(self.node_speed(n) for n in run.nodes)
            if speed > 0:
                due.append((self.now + run.left / speed, 0, job, lambda job=job: self.finish(job)))
        for n, state in enumerate(self.state):
            if state == WAKING:
                due.append((self.ready[n], 1, n, lambda n=n: self.wake(n)))
            if state == AWAKE and self.sleep and self.cluster.columns.tasks[n] == 0:
                due.append(
                    (self.empty_since[n] + float(self.sleep.after), 2, n, lambda n=n: self.fall_asleep(n))
                )
            due.append((self.fails[n], 3, n, lambda n=n: self.fail(n)))
            due.append((self.repairs[n], 4, n, lambda n=n: self.repair(n)))
        if self.arrived < len(self.work):
            due.append((float(self.work.time[self.arrived]), 5, self.arrived, self.arrive))
        if not due:
            return math.inf, None
        time, _, _, event = min(due, key=lambda item: item[:3])
        return time, event

    def pass_time(self, to: float) -> None:
        for run in self.running.values():
            run.left = max(0.0, run.left - (to - self.now) * min(self.node_speed(n) for n in run.nodes))
        self.joules += self.watts() * (to - self.now)
        self.now = to

    def arrive(self) -> None:
        if not self.infeasible[self.arrived]:
            self.waiting.add(self.arrived)
        self.arrived += 1

    def look_at_queue(self) -> None:
        for job in sorted(self.waiting):
            kind = dataclasses.replace(self.kinds[job], name=f"job{job}")
            answer = hal.place(self.cluster, kind, self.policy, apply=True)[0]
            if answer.status is not hal.Status.PLACED:
                if self.fcfs:
                    return
                continue
            nodes = [self.names.index(name) for name in answer.nodes]
            for n in nodes:
                if self.state[n] == ASLEEP:
                    assert self.sleep is not None
                    self.state[n], self.ready[n] = WAKING, self.now + float(self.sleep.wake)
            self.waiting.discard(job)
            ready = [self.ready[n] for n in nodes if self.state[n] == WAKING]
            self.start[job] = max([self.now, *ready])
            self.node[job] = nodes[0]
            self.running[job] = Running(float(self.work.duration[job]), nodes)

    def leave(self, job: int) -> None:
        nodes = self.running.pop(job).nodes
        self.cluster.release(f"job{job}")
        for n in nodes:
            if self.cluster.columns.tasks[n] == 0:
                self.empty_since[n] = self.now

    def finish(self, job: int) -> None:
        self.end[job] = self.now
        self.leave(job)

    def wake(self, n: int) -> None:
        self.state[n] = AWAKE
        self.empty_since[n] = self.now

    def fall_asleep(self, n: int) -> None:
        self.state[n] = ASLEEP

    def fail(self, n: int) -> None:
        assert self.failures is not None
        self.state[n], self.fails[n] = DOWN, math.inf
        for job in sorted(job for job, run in self.running.items() if n in run.nodes):
            self.leave(job)
            self.restarts[job] += 1
            self.start[job], self.node[job] = math.nan, -1
            self.waiting.add(job)
        self.cluster.update(dataclasses.replace(self.cluster.node(self.names[n]), schedulable=False))
        self.repairs[n] = self.now + float(self.failures.repair)

    def repair(self, n: int) -> None:
        self.state[n], self.repairs[n], self.empty_since[n] = AWAKE, math.inf, self.now
        self.cluster.update(dataclasses.replace(self.cluster.node(self.names[n]), schedulable=True))
        self.draw_failure(n)
