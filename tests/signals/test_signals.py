"""The signals against a plain recomputation from columns, after any sequence of changes."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

import hal
from hal import _core
from hal.errors import InvalidModel
from hal.signals import Monitor, Signals, Weights, compute

CLOSE = 3e-6  # shares are kept in steps of 2**-20


def recomputed(
    cluster: hal.Cluster, waiting: dict[str, tuple[hal.Job, float]], now: float, drift: float
) -> Signals:
    """Return the signals of columns that are read afresh."""
    slots = len(cluster.columns.present)
    schedulable = {node.name for node in cluster.nodes() if node.schedulable}
    rows = [row for row in range(slots) if cluster.columns.present[row] and f"n{row}" in schedulable]
    columns = cluster.columns
    capacity = 1000 * columns.gpu_count[rows].astype(np.int64)
    begin, count = columns.gpu_begin, columns.gpu_count
    idle = [int((columns.gpu_free[begin[r] : begin[r] + count[r]] == 1000).sum()) for r in rows]
    pending = np.zeros(3, np.int64)
    for job, _ in waiting.values():
        pending += job.tasks * np.array([job.cpu_milli, job.memory_mib, int(job.gpus) * job.gpu_milli])
    gangs = [since for job, since in waiting.values() if job.tasks > 1]
    return compute(
        cpu_used=columns.capacity_cpu[rows] - columns.free_cpu[rows],
        cpu_capacity=columns.capacity_cpu[rows],
        memory_used=columns.capacity_memory[rows] - columns.free_memory[rows],
        memory_capacity=columns.capacity_memory[rows],
        gpu_used=capacity - columns.gpu_total_free[rows],
        gpu_capacity=capacity,
        idle_devices=np.array(idle, np.int64),
        class_tasks=np.ascontiguousarray(_core.class_counts(cluster._core).reshape(-1, 16)[rows]),
        pending=(int(pending[0]), int(pending[1]), int(pending[2])),
        pending_jobs=len(waiting),
        drift=drift,
        oldest_gang=now - min(gangs) if gangs else 0.0,
        time=now,
    )


def assert_alike(read: Signals, plain: Signals) -> None:
    for name in Signals.__slots__:
        assert getattr(read, name) == pytest.approx(getattr(plain, name), abs=CLOSE), name


def assert_in_range(s: Signals) -> None:
    for name in ("sigma", "entropy", "fragmentation", "stranded", "blocking", "utilisation"):
        assert 0 <= getattr(s, name) <= 1, name
    assert s.potential >= 0
    assert s.pending_work >= 0
    assert s.oldest_gang >= 0


def node(index: int, size: int) -> hal.Node:
    kinds = [
        {"cpus": 16, "memory": "64GiB", "gpus": hal.gpus(4, "A100")},
        {"cpus": 8, "memory": "64GiB"},
        {"cpus": 4, "memory": 1},
    ]
    return hal.Node(f"n{index}", **kinds[size])


class Followed(RuleBasedStateMachine):
    """Jobs come, start and end, nodes join, change and leave, trials are thrown away: the signals stay right."""

    def __init__(self) -> None:
        super().__init__()
        self.cluster = hal.Cluster([node(0, 0), node(1, 1)])
        self.monitor = Monitor(self.cluster)
        self.waiting: dict[str, tuple[hal.Job, float]] = {}
        self.count = 0
        self.now = 0.0

    @rule(
        cpus=st.integers(1, 6),
        gpus=st.sampled_from([0, 0.5, 1, 2]),
        tasks=st.integers(1, 3),
        wait=st.floats(0, 90),
    )
    def submit(self, cpus: int, gpus: float, tasks: int, wait: float) -> None:
        self.now += wait
        job = hal.Job(f"j{self.count}", cpus=cpus, memory="1GiB", gpus=gpus, tasks=tasks)
        self.count += 1
        self.monitor.submitted(job, now=self.now)
        self.waiting[job.name] = job, self.now

    @rule(p=st.sampled_from([0.0, 0.5, 1.0]), wait=st.floats(0, 90))
    def start(self, p: float, wait: float) -> None:
        self.now += wait
        jobs = [job for job, _ in self.waiting.values()]
        for answer in hal.place(self.cluster, jobs, f"pack_spread({p})", apply=True):
            if answer.status is hal.Status.PLACED:
                self.monitor.started(answer.job, now=self.now)
                del self.waiting[answer.job]

    @rule(pick=st.integers(0, 10**6), wait=st.floats(0, 90))
    def end(self, pick: int, wait: float) -> None:
        self.now += wait
        running = self.cluster.jobs()
        if running:
            name = running[pick % len(running)]
            self.cluster.release(name)
            self.monitor.finished(name, now=self.now)

    @rule(size=st.integers(0, 2))
    def join(self, size: int) -> None:
        self.cluster.add(node(len(self.cluster.columns.present), size))

    @rule(pick=st.integers(0, 10**6))
    def leave(self, pick: int) -> None:
        names = self.cluster.node_names()
        if len(names) > 1:
            self.cluster.remove(names[pick % len(names)], evict=True)

    @rule(pick=st.integers(0, 10**6), schedulable=st.booleans())
    def cordon(self, pick: int, schedulable: bool) -> None:
        names = self.cluster.node_names()
        was = self.cluster.node(names[pick % len(names)])
        self.cluster.update(dataclasses.replace(was, schedulable=schedulable))

    @rule()
    def trial(self) -> None:
        before = self.monitor.read(self.now)
        with self.cluster.what_if() as trial:
            trial.add(node(len(trial.columns.present), 0))
            hal.place(trial, hal.Job("trial", cpus=2, tasks=3), "spread", apply=True)
            trial.remove(trial.node_names()[0], evict=True)
            assert_in_range(self.monitor.read(self.now))
        assert self.monitor.read(self.now) == before

    @invariant()
    def as_recomputed(self) -> None:
        read = self.monitor.read(self.now)
        assert_in_range(read)
        assert_alike(read, recomputed(self.cluster, self.waiting, self.now, read.drift))
        # To the bit, against a monitor that has seen nothing of it, and on a fork.
        for fresh in (Monitor(self.cluster), Monitor(self.cluster.fork())):
            other = fresh.read(self.now)
            for name in ("sigma", "entropy", "fragmentation", "stranded", "utilisation"):
                assert getattr(other, name) == getattr(read, name), name


TestFollowed = Followed.TestCase
TestFollowed.settings = settings(max_examples=15, stateful_step_count=12, deadline=None)


@given(st.lists(st.tuples(st.floats(0.1, 500), st.integers(1, 40)), max_size=12), st.floats(1, 1000))
@settings(max_examples=50, deadline=None)
def test_drift_is_the_smoothed_growth_of_the_pending_work(
    steps: list[tuple[float, int]], half_life: float
) -> None:
    cluster = hal.Cluster([hal.Node("n0", cpus=100)])
    monitor = Monitor(cluster, half_life=half_life)
    tau, mean, work, now = half_life / np.log(2), 0.0, 0.0, 0.0
    for index, (wait, cpus) in enumerate(steps):
        now += wait
        mean = work + (mean - work) * np.exp(-wait / tau)
        work += cpus / 100
        monitor.submitted(hal.Job(f"j{index}", cpus=cpus), now=now)
        monitor.read(now)
    assert monitor.read(now).drift == pytest.approx((work - mean) / tau, abs=1e-9)
    # Nothing more comes: the growth dies away.
    assert abs(monitor.read(now + 50 * tau).drift) < 1e-9


def test_a_steady_growth_is_measured_as_such() -> None:
    monitor = Monitor(hal.Cluster([hal.Node("n0", cpus=100)]), half_life="1min")
    for second in range(1, 1200):
        monitor.submitted(hal.Job(f"j{second}", cpus=1), now=second)
    assert monitor.read(1199).drift == pytest.approx(0.01, rel=0.01)


def test_at_rest_the_potential_is_zero_and_each_tension_raises_it() -> None:
    nodes = [hal.Node(f"n{i}", cpus=8, memory=8) for i in range(4)]
    cluster = hal.Cluster(nodes)
    monitor = Monitor(cluster, weights=Weights(monotony=0))
    assert monitor.read(0).potential == 0
    for i in range(4):  # even and balanced, nothing waits: still at rest
        hal.place(cluster, hal.Job(f"even{i}", cpus=2, memory=2), "spread", apply=True)
    assert monitor.read(1).potential == 0
    assert Monitor(cluster).read(1).potential > 0  # of one class only
    monitor.submitted(hal.Job("waits", cpus=64), now=2)
    grown = monitor.read(2).potential
    assert grown > 0
    calm = monitor.read(1e6).potential
    assert calm == pytest.approx(0, abs=1e-12)
    hal.place(cluster, hal.Job("uneven", cpus=6, memory=6), "first_fit", apply=True)
    assert monitor.read(1e6).potential > calm


def test_known_values() -> None:
    cluster = hal.Cluster([hal.Node(f"n{i}", cpus=8, memory=8) for i in range(4)])
    hal.place(cluster, hal.Job("a", cpus=8, memory=4), apply=True)
    signals = Monitor(cluster).read(0)
    assert signals.sigma == 0.25  # all on one of four
    assert signals.utilisation == 0.25
    assert signals.stranded == pytest.approx(0.25 / 4)  # half of its memory, of two resources, on one of four


def test_the_clock_may_stand_or_jump_back() -> None:
    monitor = Monitor(hal.Cluster([hal.Node("n0", cpus=8)]))
    monitor.submitted(hal.Job("gang", cpus=8, tasks=2), now=100)
    monitor.started("gang", now=50)
    monitor.started("gang", now=50)
    monitor.finished("stranger", now=0)
    signals = monitor.read(10)
    assert_in_range(signals)
    assert signals.pending == 0


@pytest.mark.parametrize("now", [float("nan"), float("inf"), True, "1"])
def test_bad_clocks_are_refused(now: object) -> None:
    with pytest.raises(InvalidModel, match="now"):
        Monitor(hal.Cluster()).read(now)  # type: ignore[arg-type]  # that it is wrong is the point


def test_bad_columns_are_refused() -> None:
    some = np.array([4])
    with pytest.raises(InvalidModel, match=r"cpu_used\[0\] = 5"):
        compute(cpu_used=np.array([5]), cpu_capacity=some, memory_used=some, memory_capacity=some)
    with pytest.raises(InvalidModel, match="half_life"):
        Monitor(hal.Cluster(), half_life=0)
