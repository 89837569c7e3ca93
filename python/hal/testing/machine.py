"""A life of a cluster under a policy: nodes join, change, fail and leave, jobs come and go, in any order."""

from __future__ import annotations

from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hal.answer import Placement
from hal.cluster import Cluster
from hal.errors import InvalidModel, PolicyError
from hal.model import Job, Node
from hal.testing import strategies
from hal.testing.books import Books, Room
from hal.testing.checks.registry import Broken
from hal.testing.code import code
from hal.testing.strategies import Limits
from hal.testing.subject import Subject

__all__ = ["SafetyMachine", "safety_machine"]


class SafetyMachine(RuleBasedStateMachine):
    """A Hypothesis state machine: a cluster beside plain books, every answer held against the books.

    Subclass it, or call `safety_machine`, to say which policy decides; add rules of your own at will.

    Attributes
    ----------
    policy : Policy, str, scorer, filter or placer
    limits : Limits
    """

    policy: ClassVar[Any] = "best_fit"
    limits: ClassVar[Limits] = Limits(topology=False)

    def __init__(self) -> None:
        super().__init__()
        self.subject = Subject(type(self).policy).fresh()
        self.cluster = Cluster()
        self.books = Books()
        self.running: dict[str, tuple[Job, Placement]] = {}
        self.steps = ["import hal", "", "cluster = hal.Cluster()"]
        self._made = 0

    def fresh(self, prefix: str) -> str:
        """Return a name that nothing has had."""
        self._made += 1
        return f"{prefix}{self._made}"

    def code(self) -> str:
        """Return the code of what has happened; ``policy`` stands for the policy."""
        return "\n".join(self.steps)

    def broken(self, text: str) -> Broken:
        """Return the failure to raise, with the code that leads to it."""
        return Broken(f"{text}\n\n{self.code()}")

    # ---- nodes ---------------------------------------------------------------------------------------

    @initialize(data=st.data(), count=st.integers(1, 3))
    def start(self, data: st.DataObject, count: int) -> None:
        """Begin with some nodes."""
        for _ in range(count):
            self.add_node(data)

    @rule(data=st.data())
    def add_node(self, data: st.DataObject) -> None:
        """Let a node join."""
        node = data.draw(strategies.nodes(self.fresh("n"), self.limits))
        self.steps.append(f"cluster.add({code(node)})")
        self.cluster.add(node)
        self.books.rooms[node.name] = Room.of(node)

    @precondition(lambda self: self.books.rooms)
    @rule(data=st.data())
    def update_node(self, data: st.DataObject) -> None:
        """Describe a node anew: refused below what it holds, and then without effect."""
        name = data.draw(st.sampled_from(sorted(self.books.rooms)))
        node = data.draw(strategies.nodes(name, self.limits))
        before = self.cluster.digest()
        self.steps.append(f"cluster.update({code(node)})")
        try:
            self.cluster.update(node)
        except InvalidModel:
            self.steps.pop()
            if self.cluster.digest() != before:
                raise self.broken(f"an update of {name} was refused and changed the cluster") from None
            return
        self.books.rooms[name] = self._room_after(self.books.rooms[name], node)

    def _room_after(self, old: Room, node: Node) -> Room:
        """Room of a node that was described anew while tasks run on it."""
        new = Room.of(node)
        new.cpu -= old.node.cpu_milli - old.cpu
        new.memory -= old.node.memory_mib - old.memory
        if any(free < 1000 for free in old.gpus):
            new.gpus = [*old.gpus[: len(new.gpus)], *new.gpus[len(old.gpus) :]]
        for key, amount in old.node.resources.items():
            if used := int(amount) - old.extended[key]:
                new.extended[key] -= used
        return new

    @precondition(lambda self: self.books.rooms)
    @rule(data=st.data())
    def fail_node(self, data: st.DataObject) -> None:
        """Let a node fail: its tasks are lost, and only they."""
        name = data.draw(st.sampled_from(sorted(self.books.rooms)))
        hit = {job for job, (_, answer) in self.running.items() if name in answer.nodes}
        self.steps.append(f"cluster.remove({name!r}, evict=True)")
        told = set(self.cluster.remove(name, evict=True))
        if told != hit:
            raise self.broken(f"{name} failed with {sorted(hit)} on it, and {sorted(told)} were named")
        del self.books.rooms[name]
        for job in hit:
            spec, was = self.running.pop(job)
            left = [(n, g) for n, g in zip(was.nodes, was.gpus, strict=True) if n != name]
            if left:
                kept = tuple(n for n, _ in left), tuple(g for _, g in left)
                self.running[job] = (spec, Placement(job, was.status, *kept, ()))

    # ---- jobs ----------------------------------------------------------------------------------------

    @rule(data=st.data(), count=st.integers(1, 3), seed=st.integers(0, 2))
    def place(self, data: st.DataObject, count: int, seed: int) -> None:
        """Ask, find the cluster unchanged, book, and audit every answer."""
        jobs = [data.draw(strategies.jobs(self.fresh("j"), self.limits)) for _ in range(count)]
        self.steps.append(f"hal.place(cluster, {code(jobs)}, policy, seed={seed}, apply=True)")
        before = self.cluster.digest()
        try:
            self.subject.place(self.cluster, jobs, seed=seed)
            if self.cluster.digest() != before:
                raise self.broken("asking for places changed the cluster")
            answers = self.subject.carry_out(self.cluster, jobs, seed=seed)
        except PolicyError:
            self.steps.pop()
            if self.cluster.digest() != before:
                raise self.broken("a policy that failed changed the cluster") from None
            return
        for job, answer in zip(jobs, answers, strict=True):
            for fault in self.books.faults(job, answer):
                raise self.broken(fault.text)
            if answer.placed:
                self.running[job.name] = (job, answer)

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        """Release a job."""
        name = data.draw(st.sampled_from(sorted(self.running)))
        self.steps.append(f"cluster.release({name!r})")
        self.subject.release(self.cluster, [name])
        job, answer = self.running.pop(name)
        self.books.take(job, answer.nodes, answer.gpus, sign=-1)

    @rule(data=st.data())
    def try_out(self, data: st.DataObject) -> None:
        """Do things on a fork and in a trial: the cluster notices nothing."""
        job = data.draw(strategies.jobs(self.fresh("t"), self.limits))
        before = self.cluster.digest()
        fork = self.cluster.fork()
        self.steps.append(f"fork = cluster.fork(); hal.place(fork, {code(job)}, policy, apply=True)")
        try:
            answer = self.subject.carry_out(fork, [job], seed=1)[0]
            if answer.placed:
                self.subject.release(fork, [job.name])
        except PolicyError:
            self.steps.pop()
            return
        if fork.digest() != before:
            raise self.broken(f"{job.name} came and went on a fork, which is not as before")
        if self.subject.policy is None:
            return  # a placer may need to fork, which a trial cannot
        with self.cluster.what_if() as trial:
            self.subject.carry_out(trial, [job], seed=1)
            for name in list(self.running)[:1]:
                trial.release(name)
        if self.cluster.digest() != before:
            raise self.broken("a trial was thrown away and the cluster is not as before")

    # ---- always --------------------------------------------------------------------------------------

    @invariant()
    def cluster_agrees_with_the_books(self) -> None:
        """What is free, and what runs, is what the books say."""
        columns = self.cluster.columns
        for name in self.cluster.node_names():
            room, at = self.books.rooms[name], self.cluster._core.index_of(name)
            begin = int(columns.gpu_begin[at])
            free = columns.gpu_free[begin : begin + int(columns.gpu_count[at])].tolist()
            found = int(columns.free_cpu[at]), int(columns.free_memory[at]), free
            if found != (room.cpu, room.memory, room.gpus):
                raise self.broken(f"{name} has {found} free; by the books {room.cpu, room.memory, room.gpus}")
        if sorted(self.cluster.jobs()) != sorted(self.running):
            raise self.broken(f"{self.cluster.jobs()} run; by the books {sorted(self.running)}")


def safety_machine(policy: Any, *, limits: Limits | None = None) -> type[SafetyMachine]:
    """Return the machine of a policy, for ``.TestCase`` or `hypothesis.stateful.run_state_machine_as_test`.

    Parameters
    ----------
    policy : Policy, str, scorer, filter or placer with ``apply``
    limits : Limits, optional
    """
    chosen = limits or SafetyMachine.limits
    return type(
        "SafetyMachineOf" + type(policy).__name__, (SafetyMachine,), {"policy": policy, "limits": chosen}
    )
