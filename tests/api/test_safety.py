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
from tests.api.safety_books import Books
from tests.api.safety_constraints import Constraints
from tests.api.twin import TwinNode, fits, room_when_empty, share_on, take

POLICIES = st.sampled_from([*hal.policies.names(), "0.5*best_fit + fgd", "pack_spread(0.2)"])


class Safety(Constraints, Books, RuleBasedStateMachine):
    """A cluster beside its twin; every answer is checked against the twin before both change."""

    @initialize(data=st.data(), count=st.integers(2, 6), tree=st.integers(0, 3))
    def start(self, data: st.DataObject, count: int, tree: int) -> None:
        self.hang(tree > 0)
        for _ in range(count):
            self.add_node(data)

    @rule(data=st.data())
    def add_node(self, data: st.DataObject) -> None:
        self.joined += 1
        spec = data.draw(strategies.nodes(f"n{self.joined}"))
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
                assert told.feasible == sum(
                    fits(node, job) and not self.broken(job, name) for name, node in self.nodes.items()
                )
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
                assert not any(fits(node, job) and not self.broken(job, name) for name, node in nodes.items())
            room = sum(room_when_empty(node.spec, job) for node in nodes.values())
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
            new.gpus = [*old.gpus[: len(new.gpus)], *new.gpus[len(old.gpus) :]]
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
        touched = self.jobs_on(name)
        if touched and not evict:
            before = self.cluster.digest()
            with pytest.raises(InvalidModel, match=name):
                self.cluster.remove(name)
            assert self.cluster.digest() == before
            return
        assert set(self.cluster.remove(name, evict=evict)) == touched
        self.lose(name)

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
            trial.add(hal.Node(self.fresh("x"), cpus=1))
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
        for name, ran in self.running.items():
            tasks = self.cluster._core.job_tasks(name)
            assert [self.cluster._core.name_of(node) for node, _ in tasks] == [
                task.node for task in ran.tasks
            ]


TestSafety = Safety.TestCase
TestSafety.settings = settings(max_examples=15, stateful_step_count=15, deadline=None)


@pytest.mark.slow
class TestSafetyLong(Safety.TestCase):  # type: ignore[misc]  # made at run time
    settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
