"""What an answer may depend on: the state, the jobs and the seed; not chance, history, order or names."""

from __future__ import annotations

from typing import Any

from hal.answer import Placement, Status
from hal.cluster import Cluster
from hal.model import Job
from hal.place import place
from hal.testing.case import Case
from hal.testing.checks.registry import Broken, NotAsked, check
from hal.testing.strategies import renamed
from hal.testing.subject import Subject
from hal.topology import Topology


@check("An answer that cannot be repeated cannot be debugged, replayed or audited.")
def deterministic(subject: Subject, case: Case) -> None:
    """The same state, jobs and seed give the same answer."""
    cluster = case.cluster()
    first = subject.fresh().place(cluster, case.jobs, seed=1)
    for _ in range(3):
        if (again := subject.fresh().place(cluster, case.jobs, seed=1)) != first:
            raise Broken(f"asked twice the same: {difference(first, again)}")


@check("What-if answers are worth nothing when the real cluster answers otherwise.", needs="deterministic")
def forks(subject: Subject, case: Case) -> None:
    """A fork, a trial, and another cluster in the same state give the same answer."""
    cluster = case.cluster()
    subject = subject.fresh()
    here = subject.place(cluster, case.jobs, seed=1)
    others = {"a fork": cluster.fork(), "another cluster in the same state": case.cluster()}
    for what, other in others.items():
        if (there := subject.place(other, case.jobs, seed=1)) != here:
            raise Broken(f"on {what}: {difference(here, there)}")
    if subject.policy is None:
        return  # a placer may need to fork, which a trial cannot
    with cluster.what_if() as trial:
        there = subject.place(trial, case.jobs, seed=1)
    if there != here:
        raise Broken(f"inside what_if(): {difference(here, there)}")


@check("A policy that remembers other questions gives answers that no state explains.", needs="forks")
def no_history(subject: Subject, case: Case) -> None:
    """What was asked before, here or about other clusters, changes nothing."""
    cluster = case.cluster()
    first = subject.fresh().place(cluster, case.jobs, seed=1)
    for other in (case.nodes[:1], case.nodes[-1:]):
        used = subject.fresh()
        used.place(Cluster(other, topology=case.topology), case.jobs, seed=1)
        if (again := used.place(cluster, case.jobs, seed=1)) != first:
            raise Broken(f"after other questions: {difference(first, again)}")


@check(
    "Inventories list nodes in any order; a score that follows the list is a score of nothing.",
    may_opt_out=True,
    needs="deterministic",
)
def node_order(subject: Subject, case: Case) -> None:
    """A node's score is the same wherever it stands in the list; only exact ties go by index."""
    here, there = (_scores(subject.fresh(), case, nodes) for nodes in (case.nodes, case.nodes[::-1]))
    for job, scored in here.items():
        for node, score in scored.items():
            if abs(score - there[job].get(node, -1)) > 1e-6:
                raise Broken(
                    f"{job} scores {node} {score:.4g}, and {there[job].get(node, -1):.4g} with the nodes reversed"
                )


def _scores(subject: Subject, case: Case, nodes: tuple[Any, ...]) -> dict[str, dict[str, float]]:
    """Score of every feasible node for each job, asked alone."""
    if subject.policy is None:
        raise NotAsked("a placer shows no scores")
    cluster = Cluster(nodes, topology=case.topology)
    out = {}
    for job in case.jobs:
        told = place(cluster, _single(job), subject.policy, seed=1).explain(0, top=len(nodes))
        out[job.name] = {node: score for node, score, _ in told.top}
    return out


def _single(job: Job) -> Job:
    return renamed(job, job.name, tasks=1, gang=None)


@check(
    "Names are labels: renaming a machine or a job must not move work.",
    may_opt_out=True,
    needs="deterministic",
)
def names(subject: Subject, case: Case) -> None:
    """Renamed nodes and jobs get the same places."""
    turned = [node.name for node in case.nodes][::-1]
    called = {node.name: f"x-{name}" for node, name in zip(case.nodes, turned, strict=True)}
    topology = None
    if case.topology is not None:
        tree = case.topology
        where = {called[node]: tree.path(node)[-1] for node in tree.nodes}
        topology = Topology(tree.levels, tree.domains, where)
    other = Case(
        nodes=tuple(renamed(node, called[node.name]) for node in case.nodes),
        jobs=tuple(renamed(job, f"y{len(case.jobs) - at}") for at, job in enumerate(case.jobs)),
        running=case.running,
        topology=topology,
    )
    here = subject.fresh().place(case.cluster(), case.jobs, seed=1)
    there = subject.fresh().place(other.cluster(), other.jobs, seed=1)
    for left, right in zip(here, there, strict=True):
        if (right.nodes, right.gpus) != (tuple(called.get(n, n) for n in left.nodes), left.gpus):
            back = {new: old for old, new in called.items()}
            right_nodes = [back.get(node, node) for node in right.nodes]
            raise Broken(f"{left.job} is on {list(left.nodes)}, and under other names on {right_nodes}")


@check(
    "A job that comes first in a fair order, on an empty cluster, and still waits, waits for ever.",
    may_opt_out=True,
)
def no_starvation(subject: Subject, case: Case) -> None:
    """When everything that ran has ended, the job that waits longest is placed, or was INFEASIBLE all along."""
    if not subject.applies:
        raise NotAsked("a placer without apply()")
    waiting = list(case.jobs)
    subject = subject.fresh()
    for _ in range(len(case.jobs)):
        cluster = case.empty()
        answers = subject.carry_out(cluster, waiting, seed=1)
        if answers[0].status is Status.UNSCHEDULABLE:
            raise Broken(f"{answers[0].job} is first in line, nothing runs, and it is told to wait")
        waiting = [
            job for job, got in zip(waiting, answers, strict=True) if got.status is Status.UNSCHEDULABLE
        ]
        if not waiting:
            return


def difference(one: list[Placement], other: list[Placement]) -> str:
    """Say where two answers part."""
    for left, right in zip(one, other, strict=False):
        if left != right:
            return f"{left.job} is {_where(left)}, then {_where(right)}"
    return f"{len(one)} answers, then {len(other)}"


def _where(answer: Placement) -> str:
    tasks = ", ".join(f"{node}:{list(gpus)}" for node, gpus in zip(answer.nodes, answer.gpus, strict=False))
    return f"on {tasks}" if tasks else answer.status.name
