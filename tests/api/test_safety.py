"""The safety properties, for every built-in policy, over whatever can happen to a cluster, in any order."""

from __future__ import annotations

import copy

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import hal
from hal import _core
from hal.errors import InvalidModel
from tests.api import strategies
from tests.api.twin import TwinNode, fits, fitting_devices, share_on, take

POLICIES = st.sampled_from([*hal.policies.names(), "0.5*best_fit + fgd", "pack_spread(0.2)"])


class Safety(RuleBasedStateMachine):
    """A cluster beside its twin; every answer is checked against the twin before both change."""

    def __init__(self) -> None:
        super().__init__()
        self.cluster = hal.Cluster()
        self.nodes: dict[str, TwinNode] = {}
        self.running: dict[str, tuple[hal.Job, hal.Placement]] = {}
        self.made = 0

    def fresh(self, prefix: str) -> str:
        self.made += 1
        return f"{prefix}{self.made}"

    @initialize(data=st.data(), count=st.integers(2, 6))
    def start(self, data: st.DataObject, count: int) -> None:
        for _ in range(count):
            self.add_node(data)

    @rule(data=st.data())
    def add_node(self, data: st.DataObject) -> None:
        spec = data.draw(strategies.nodes(self.fresh("n")))
        self.cluster.add(spec)
        self.nodes[spec.name] = TwinNode.of(spec)

    @rule(data=st.data(), policy=POLICIES, seed=st.none() | st.integers(0, 3), count=st.integers(1, 4))
    def place(self, data: st.DataObject, policy: str, seed: int | None, count: int) -> None:
        jobs = [data.draw(strategies.jobs(self.fresh("j"))) for _ in range(count)]
        asked = data.draw(st.integers(0, count - 1))
        before = self.cluster.digest()
        answers = hal.place(self.cluster, jobs, policy, seed=seed)
        assert self.cluster.digest() == before  # pure
        assert list(hal.place(self.cluster, jobs, policy, seed=seed)) == list(answers)
        told = answers.explain(asked)
        assert self.cluster.digest() == before
        self.cluster.apply(answers)
        assert answers.explain(jobs[asked].name, top=1).feasible == told.feasible
        with pytest.raises(InvalidModel, match="already"):
            self.cluster.apply(answers)
        for index, (job, answer) in enumerate(zip(jobs, answers, strict=True)):
            if index == asked:
                assert told.feasible == sum(fits(node, job) for node in self.nodes.values())
                assert sum(told.reasons.values()) + told.feasible == len(self.nodes) == told.nodes
                assert bool(told.missing) == (not answer.placed)
                if answer.placed and "random" not in policy:
                    assert told.top[0][0] == answer.nodes[0]
            self.check(job, answer)
            if answer.placed:
                self.book(job, answer)

    def check(self, job: hal.Job, answer: hal.Placement) -> None:
        """The answer fits the twin, task by task, or rightly says that nothing does."""
        nodes = copy.deepcopy(self.nodes)
        if not answer.placed:
            if job.tasks == 1:
                assert not any(fits(node, job) for node in nodes.values())
            room = 0
            for node in (TwinNode.of(node.spec) for node in nodes.values()):
                while room < job.tasks and fits(node, job):
                    take(node, job, self.tightest(node, job))
                    room += 1
            assert (answer.status is hal.Status.INFEASIBLE) == (room < job.tasks)
            return
        assert len(answer.nodes) == len(answer.gpus) == job.tasks  # all or nothing
        for name, devices in zip(answer.nodes, answer.gpus, strict=True):
            node = nodes[name]
            assert fits(node, job)
            assert len(set(devices)) == len(devices) == job.gpus
            for device in devices:
                assert not job.gpu_models or node.spec.gpus[device].model in job.gpu_models
                assert share_on(job, node.spec.gpus[device]) <= node.gpus[device]
            take(node, job, devices)

    @staticmethod
    def tightest(node: TwinNode, job: hal.Job) -> tuple[int, ...]:
        devices = sorted(fitting_devices(node, job), key=lambda device: (node.gpus[device], device))
        return tuple(devices[: job.gpus])

    def book(self, job: hal.Job, answer: hal.Placement) -> None:
        self.running[job.name] = (job, answer)
        for name, devices in zip(answer.nodes, answer.gpus, strict=True):
            take(self.nodes[name], job, devices)

    def unbook(self, name: str) -> None:
        job, answer = self.running.pop(name)
        for node, devices in zip(answer.nodes, answer.gpus, strict=True):
            if node in self.nodes:
                take(self.nodes[node], job, devices, sign=-1)

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.running)))
        self.cluster.release(name)
        self.unbook(name)
        with pytest.raises(InvalidModel, match=name):
            self.cluster.release(name)

    @precondition(lambda self: self.nodes)
    @rule(data=st.data())
    def update_node(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.nodes)))
        spec = data.draw(strategies.nodes(name))
        old = self.nodes[name]
        new = TwinNode.of(spec)
        before = self.cluster.digest()
        try:
            self.cluster.update(spec)
        except InvalidModel:
            assert self.cluster.digest() == before
            assert old.tasks  # an empty node takes any description
            return
        used = old.spec.cpu_milli - old.cpu, old.spec.memory_mib - old.memory
        assert used[0] <= spec.cpu_milli
        assert used[1] <= spec.memory_mib
        if any(free < 1000 for free in old.gpus):
            new.gpus = [*old.gpus, *new.gpus[len(old.gpus) :]]
        new.cpu -= used[0]
        new.memory -= used[1]
        for resource, amount in old.spec.resources.items():
            if amount - old.extended[resource]:
                new.extended[resource] -= amount - old.extended[resource]
                assert new.extended[resource] >= 0
        new.tasks = old.tasks
        self.nodes[name] = new

    @precondition(lambda self: self.nodes)
    @rule(data=st.data(), evict=st.booleans())
    def remove_node(self, data: st.DataObject, evict: bool) -> None:
        name = data.draw(st.sampled_from(sorted(self.nodes)))
        touched = {job for job, (_, answer) in self.running.items() if name in answer.nodes}
        if touched and not evict:
            before = self.cluster.digest()
            with pytest.raises(InvalidModel, match=name):
                self.cluster.remove(name)
            assert self.cluster.digest() == before
            return
        assert set(self.cluster.remove(name, evict=evict)) == touched
        del self.nodes[name]
        for job in touched:
            spec, answer = self.running[job]
            left = [(n, d) for n, d in zip(answer.nodes, answer.gpus, strict=True) if n != name]
            if left:
                kept = hal.Placement(job, answer.status, *zip(*left, strict=True), ())
                self.running[job] = (spec, kept)
            else:
                del self.running[job]

    @rule(data=st.data(), policy=POLICIES)
    def try_out(self, data: st.DataObject, policy: str) -> None:
        job = data.draw(strategies.jobs(self.fresh("t")))
        before = self.cluster.digest()
        fork = self.cluster.fork()
        assert fork.digest() == before
        first = hal.place(fork, job, policy, seed=1, apply=True)[0]
        with self.cluster.what_if() as trial:
            answer = hal.place(trial, job, policy, seed=1, apply=True)[0]
            assert (answer.nodes, answer.gpus) == (first.nodes, first.gpus)
            for name in list(self.running)[:1]:
                trial.release(name)
            trial.add(hal.Node(self.fresh("n"), cpus=1))
        assert self.cluster.digest() == before
        if first.placed:
            fork.release(job.name)
        assert fork.digest() == before  # release restores the state exactly

    @rule(data=st.data(), policy=POLICIES)
    def index_agrees_with_the_scan(self, data: st.DataObject, policy: str) -> None:
        job = data.draw(strategies.jobs("probe"))
        core = hal.policies.get(policy)._core
        by_index = _core.choose(self.cluster._core, job._shape(), core, False)
        assert by_index == _core.choose(self.cluster._core, job._shape(), core, True)

    @invariant()
    def columns_agree_with_the_twin(self) -> None:
        columns = self.cluster.columns
        assert self.cluster.node_names() == [name for name in self.cluster.node_names() if name in self.nodes]
        assert len(self.cluster) == len(self.nodes)
        for name, node in self.nodes.items():
            at = self.cluster._core.index_of(name)
            assert columns.free_cpu[at] == node.cpu >= 0
            assert columns.free_memory[at] == node.memory >= 0
            begin = columns.gpu_begin[at]
            free = columns.gpu_free[begin : begin + columns.gpu_count[at]].tolist()
            assert free == node.gpus
            assert all(0 <= share <= 1000 for share in free)
        assert sorted(self.cluster.jobs()) == sorted(self.running)


TestSafety = Safety.TestCase
TestSafety.settings = settings(max_examples=15, stateful_step_count=15, deadline=None)


@pytest.mark.slow
class TestSafetyLong(Safety.TestCase):  # type: ignore[misc]  # made at run time
    settings = settings(max_examples=300, stateful_step_count=50, deadline=None)
