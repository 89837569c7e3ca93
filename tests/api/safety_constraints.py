"""The safety machine's rules for gangs, rules towards other jobs, quotas, preemption and rebalancing."""

from __future__ import annotations

from collections import Counter
from itertools import groupby

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

import hal
from hal.errors import InvalidModel
from hal.topology import Topology
from tests.api import strategies
from tests.api.safety_books import Books, Ran, Task, bounds, counts, tasks_of, whole
from tests.api.twin import TwinNode, fits, share_on
from tests.queues.queue_twin import RESOURCES, PlainTree
from tests.rules.rule_twin import PlainRules, means

POLICIES = st.sampled_from(["best_fit", "worst_fit", "fgd", "best_fit + topology_distance"])
#: Nodes by name, most of them still to come; n5, n10, … stay outside.
TREE = Topology(
    ["site", "rack"],
    [("s", "site", None), *((f"r{k}", "rack", "s") for k in range(3))],
    {f"n{k}": f"r{k % 3}" for k in range(1, 60) if k % 5},
)
QUEUES = [
    hal.Queue("lab", maximum={"gpus": 5, "cpus": 9}),
    hal.Queue("ann", parent="lab", maximum={"gpus": 3}),
    hal.Queue("bob", parent="lab", guarantee={"gpus": 1}, lend=False),
]
QUOTAS = hal.QueueTree(QUEUES)


PLACES = {
    (node, level): PlainRules([], TREE).domain(node, level)
    for node in TREE.nodes
    for level in ("rack", "site")
}


class Rules(PlainRules):
    """On the machine's nodes, which come and go."""

    def __init__(self, machine: Books) -> None:
        self.nodes, self.twins = list(machine.nodes), machine.nodes

    def domain(self, node: str, level: str) -> str | None:
        return node if level == "node" else PLACES.get((node, level))

    def holds(self, job: hal.Job, node: str) -> bool:
        return fits(TwinNode.of(self.twins[node].spec), job)


class Constraints(Books):
    """What the base machine's jobs do not ask for."""

    has_tree = False

    def hang(self, tree: bool) -> None:
        self.has_tree = tree
        if tree:
            self.cluster.set_topology(TREE)

    def broken(self, job: hal.Job, node: str) -> list[str]:
        """Musts that a task of the job would break on the node, as things are."""
        return list(Rules(self).broken(job, node, self.placed()))

    def draw(self, data: st.DataObject, prefix: str, priority: int = 0) -> hal.Job:
        return data.draw(strategies.constrained_jobs(self.fresh(prefix), self.has_tree, priority))

    @rule(data=st.data(), policy=POLICIES, count=st.integers(1, 3))
    def place_constrained(self, data: st.DataObject, policy: str, count: int) -> None:
        jobs = [self.draw(data, "c") for _ in range(count)]
        before = self.cluster.digest()
        answers = hal.place(self.cluster, jobs, policy, queues=QUOTAS)
        assert self.cluster.digest() == before
        self.cluster.apply(answers)
        for job, answer in zip(jobs, answers, strict=True):
            if answer.placed:
                self.admit(job, answer)

    def admit(self, job: hal.Job, answer: hal.Placement) -> None:
        """Check that the tasks fit one after another and break no must, and book them."""
        ran = self.running[job.name] = Ran(job, [])
        for task in tasks_of(job, answer):
            self.check_room(task)
            broken = set(self.broken(job, task.node))
            # A gang's tasks come in rank order, not in the order in which they were chosen.
            assert broken <= ({"skew"} if job.gang else set())
            self.start_task(job.name, task)
        assert whole(ran)
        for task in {task.node: task for task in ran.tasks}.values() if job.gang else ():
            self.stop_task(job.name, task)
            assert "skew" not in self.broken(job, task.node)
            self.start_task(job.name, task)
        ran.tasks = tasks_of(job, answer)

    def check_room(self, task: Task) -> None:
        node = self.nodes[task.node]
        assert fits(node, task.role)
        assert len(set(task.devices)) == len(task.devices) == task.role.gpus
        for device in task.devices:
            assert share_on(task.role, node.spec.gpus[device]) <= node.gpus[device]

    @precondition(lambda self: self.running)
    @rule(data=st.data(), policy=POLICIES)
    def resize(self, data: st.DataObject, policy: str) -> None:
        name = data.draw(st.sampled_from(sorted(self.running)))
        ran = self.running[name]
        now = counts(ran)
        limits = bounds(ran.job) if ran.job.gang else [(1, 4, 1)]
        asked = [data.draw(st.integers(least, most)) for least, most, _ in limits]
        before = self.cluster.digest()
        try:
            done = self.cluster.resize(name, asked, policy=policy, queues=QUOTAS)
        except InvalidModel:
            assert self.cluster.digest() == before
            assert (
                any(count % size for count, (_, _, size) in zip(asked, limits, strict=True)) or ran.job.rules
            )
            return
        if not done:
            assert self.cluster.digest() == before
            assert any(count > had for count, had in zip(asked, now, strict=True))
            return
        old = Counter(ran.tasks)
        roles = [ran.job, *(ran.job.gang.roles if ran.job.gang else ())]
        of = [role for role, count in zip(roles, asked, strict=True) for _ in range(count)]
        core = self.cluster._core
        tasks = [
            Task(role, core.name_of(node), tuple(d for d in range(64) if mask >> d & 1))
            for role, (node, mask) in zip(of, core.job_tasks(name), strict=True)
        ]
        for count, had, role in zip(asked, now, roles, strict=True):  # only as many change as must
            mine = Counter(task for task in tasks if task.role is role)
            assert (mine & old).total() == min(count, had)
        for task in (old - Counter(tasks)).elements():
            self.stop_task(name, task)
        for task in (Counter(tasks) - old).elements():
            self.check_room(task)
            self.start_task(name, task)
        ran.tasks = tasks

    @rule(data=st.data(), policy=POLICIES)
    def preempt(self, data: st.DataObject, policy: str) -> None:
        job = self.draw(data, "p", priority=data.draw(st.integers(1, 3)))
        before = self.cluster.digest()
        plan = hal.preempt(self.cluster, job, policy, queues=QUOTAS)
        assert self.cluster.digest() == before
        if plan.status is not hal.Status.PLACED:
            assert not plan.victims
            return
        self.cluster.apply(plan)
        for victim in plan.victims:
            ran = self.running[victim.job]
            assert ran.job.priority == victim.priority < job.priority
            for task in [ran.tasks[rank] for rank in victim.tasks]:
                self.stop_task(victim.job, task)
            assert len(ran.tasks) == victim.left
            if ran.tasks:
                assert ran.job.gang
                assert whole(ran)  # never below its least
            else:
                del self.running[victim.job]
        self.admit(job, plan.placement)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), policy=POLICIES, most=st.integers(1, 4), wanted=st.booleans())
    def rebalance(self, data: st.DataObject, policy: str, most: int, wanted: bool) -> None:
        want = [self.draw(data, "w") for _ in range(2)] if wanted else None
        before = self.cluster.digest()
        plan = hal.rebalance(self.cluster, max_moves=most, want=want, policy=policy, queues=QUOTAS)
        assert self.cluster.digest() == before
        assert len(plan.moves) <= most
        for _, step in groupby(plan.moves, key=lambda move: move.step):  # each possible in its order
            moves = list(step)
            olds = [self.running[move.job].tasks[move.task] for move in moves]
            for move, old in zip(moves, olds, strict=True):
                assert (old.node, old.devices) == (move.source, move.source_gpus)
                assert len(self.running[move.job].tasks) == 1
                self.stop_task(move.job, old)
            for move, old in zip(moves, olds, strict=True):
                new = Task(old.role, move.target, move.target_gpus)
                assert not self.broken(self.running[move.job].job, new.node)
                self.check_room(new)
                self.start_task(move.job, new)
        self.cluster.apply(plan)

    @invariant()
    def gangs_are_whole_and_together(self) -> None:
        for ran in self.running.values():
            assert whole(ran)
            level = ran.job.gang and ran.job.gang.required
            if level and self.has_tree:
                assert len({Rules(self).domain(task.node, level) for task in ran.tasks}) == 1

    @invariant()
    def no_quota_is_exceeded(self) -> None:
        plain = Used(QUEUES, list(self.running.values()), self.nodes)
        assert plain.over() == []
        for queue in QUEUES:
            used = QUOTAS.used(self.cluster, queue.name)
            for resource in RESOURCES:
                assert used.get(resource, 0) == pytest.approx(plain.used(queue.name, resource))

    @invariant()
    def nobody_is_where_another_keeps_him_away(self) -> None:
        rules, placed = Rules(self), self.placed()
        for job, node in placed:
            away = [rule for rule in job.rules if isinstance(rule, hal.AntiAffinity) and rule.weight is None]
            others = list(placed)
            others.remove((job, node))
            if job.exclusive:
                assert all(where != node or other is job for other, where in others)
            for avoid in away:
                here = rules.domain(node, avoid.level)
                assert not any(
                    means(avoid, other.labels) and rules.domain(where, avoid.level) == here is not None
                    for other, where in others
                )


class Used(PlainTree):
    """What runs, task by task: gangs may have fewer tasks than they asked for."""

    def __init__(self, queues: list[hal.Queue], running: list[Ran], nodes: dict[str, TwinNode]) -> None:
        super().__init__(queues)
        self.running, self.twins = running, nodes

    def used(self, queue: str, resource: str) -> float:
        inside = set(self.leaves(queue))
        return sum(
            self.of(task, resource) for ran in self.running if ran.job.queue in inside for task in ran.tasks
        )

    def of(self, task: Task, resource: str) -> float:
        gpus = self.twins[task.node].spec.gpus
        return {
            "cpus": task.role.cpu_milli / 1000,
            "memory": task.role.memory_mib,
            "gpus": sum(share_on(task.role, gpus[device]) for device in task.devices) / 1000,
            "licence": 0,
        }[resource]
