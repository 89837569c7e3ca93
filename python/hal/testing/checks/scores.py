"""What a score must be: one number a node in [0, 1], and whatever its scorer declares of it."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from hal.cluster import Cluster
from hal.errors import PolicyError
from hal.model import Job, Node
from hal.place import place
from hal.policy import Policy
from hal.testing.case import Case
from hal.testing.checks.registry import Broken, NotAsked, check
from hal.testing.strategies import renamed
from hal.testing.subject import Subject

#: Declared monotonicity: what a node has left → whether the score rises or falls with it.
RESOURCES = ("free_cpu", "free_memory", "free_gpu")
DIRECTIONS = ("rising", "falling")


def _scored(subject: Subject) -> None:
    if not subject.scorers:
        raise NotAsked("no scorers")


@check("One exception in a scorer stops every placement that meets it.")
def no_errors(subject: Subject, case: Case) -> None:
    """Scorers, filters and placers answer every well-formed question without raising."""
    if subject.policy is None or subject.policy.filters:
        filters = subject.policy.filters if subject.policy else ()
        asked = Subject(Policy(["first_fit"], filters=filters)) if filters else subject
        try:
            asked.place(case.cluster(), case.jobs, seed=1)
        except Exception as error:
            raise Broken(f"raised {type(error).__name__}: {error}") from None

    def ask(scorer: Any, job: Any, nodes: Any) -> None:
        try:
            scorer.score(job, nodes)
        except Exception as error:
            raise Broken(f"scorer {scorer.name} raised {type(error).__name__}: {error}") from None

    for job in case.jobs:
        subject.probe(case.cluster(), job, ask)


@check("The core adds up columns; one of another length or kind cannot be added.")
def score_shape(subject: Subject, case: Case) -> None:
    """Scores are one number a candidate."""
    _scored(subject)

    def ask(scorer: Any, job: Any, nodes: Any) -> None:
        try:
            returned = scorer.score(job, nodes)
        except Exception:
            return  # no_errors says so
        values = _numbers(returned)
        if values is None or values.shape != nodes.index.shape:
            shape = "no numbers" if values is None else f"shape {values.shape}"
            raise Broken(f"scorer {scorer.name} returned {shape} for {len(nodes)} candidates")

    for job in case.jobs:
        subject.probe(case.cluster(), job, ask)


@check("NaN compares with nothing: the best of such scores is any node.")
def score_finite(subject: Subject, case: Case) -> None:
    """No score is NaN or infinite."""
    for name, values in _every_score(subject, case):
        if not np.isfinite(values).all():
            raise Broken(f"scorer {name} returned {values[~np.isfinite(values)][0]}")


@check("Weights mean something only when all scores share one scale.")
def score_range(subject: Subject, case: Case) -> None:
    """Every score is in [0, 1]."""
    for name, values in _every_score(subject, case):
        outside = values[np.isfinite(values) & ((values < 0) | (values > 1))]
        if outside.size:
            raise Broken(f"scorer {name} returned {outside[0]:.6g}")


def _every_score(subject: Subject, case: Case) -> list[tuple[str, Any]]:
    _scored(subject)
    found: list[tuple[str, Any]] = []

    def ask(scorer: Any, job: Any, nodes: Any) -> None:
        values = _values(scorer, job, nodes)
        if values is not None:
            found.append((scorer.name, values))

    cluster = case.cluster()
    for job in case.jobs:
        subject.probe(cluster, job, ask)
        if subject.policy is None or not all(hasattr(scorer, "_core_scorer") for scorer in subject.scorers):
            continue
        told = place(cluster, job, subject.policy, seed=1).explain(0, top=len(case.nodes))
        for _, _, parts in told.top:
            found += [(name, np.array([score])) for name, score in parts.items()]
    return found


def _values(scorer: Any, job: Any, nodes: Any) -> Any:
    """Scores as numbers; None where there are none, which other checks say."""
    try:
        return _numbers(scorer.score(job, nodes))
    except Exception:
        return None


def _numbers(returned: Any) -> Any:
    try:
        return np.asarray(returned, dtype=np.float64)
    except (TypeError, ValueError):
        return None


@check(
    "Scores that are declared own_state are kept until their node changes; a false promise serves stale ones."
)
def own_state(subject: Subject, case: Case) -> None:
    """A scorer with ``own_state = True`` scores a node alike whichever nodes stand beside it."""
    _scored(subject)
    if not any(getattr(scorer, "own_state", False) for scorer in subject.scorers):
        raise NotAsked("no scorer declares own_state")

    def ask(scorer: Any, job: Any, nodes: Any) -> None:
        together = _values(scorer, job, nodes) if getattr(scorer, "own_state", False) else None
        if together is None or together.shape != nodes.index.shape:
            return
        for at in range(len(nodes)):
            one = type(nodes)(nodes._column, nodes.index[at : at + 1].copy())
            alone = _values(scorer, job, one)
            if alone is not None and not np.array_equal(alone, together[at : at + 1], equal_nan=True):
                raise Broken(
                    f"scorer {scorer.name} gives node {nodes.index[at]} {together[at]:.4g} among others "
                    f"and {alone[0]:.4g} alone"
                )

    for job in case.jobs:
        subject.probe(case.cluster(), job, ask)


@check("One index serves all jobs of a scorer that declares one_order; a false promise ranks as for no job.")
def one_order(subject: Subject, case: Case) -> None:
    """A scorer with ``one_order = True`` scores any two nodes equally far apart for every job that fits on both."""
    _scored(subject)
    declared = [scorer.name for scorer in subject.scorers if getattr(scorer, "one_order", False)]
    if not declared or subject.policy is None:
        raise NotAsked("no scorer declares one_order")
    cluster = case.cluster()
    told: dict[str, list[tuple[str, dict[str, float]]]] = {name: [] for name in declared}
    for job in (job for job in case.jobs if job.gang is None and job.tasks == 1):
        try:
            top = place(cluster, job, subject.policy, seed=1).explain(0, top=len(case.nodes)).top
        except PolicyError:
            return
        for name in declared:
            told[name].append((job.name, {node: parts[name] for node, _, parts in top}))
    for name, answers in told.items():
        for (one, scores), (other, others) in itertools.combinations(answers, 2):
            both = [node for node in scores if node in others]
            apart = [scores[node] - others[node] for node in both]
            if apart and max(apart) - min(apart) > 1e-6:
                raise Broken(
                    f"scorer {name} gives {one} {_listed(scores, both)} and {other} {_listed(others, both)}"
                )


def _listed(scores: dict[str, float], nodes: list[str]) -> str:
    return ", ".join(f"{scores[node]:.4g} on {node}" for node in nodes[:3])


@check("A direction that is declared lets a reader, and an index, rely on it.")
def monotone(subject: Subject, case: Case) -> None:
    """Scores rise, or fall, with what a node has left, as ``monotone = {"free_cpu": "falling"}`` declares."""
    _scored(subject)
    declared = {s.name: s.monotone for s in subject.scorers if getattr(s, "monotone", None)}
    if not declared:
        raise NotAsked("no scorer declares monotone")
    for name, directions in declared.items():
        for resource, direction in directions.items():
            if resource not in RESOURCES or direction not in DIRECTIONS:
                raise Broken(f"scorer {name} declares {resource}: {direction}, which is nothing known")
    for node in case.nodes[:2]:
        for resource, filler in _fillers(node).items():
            _compare(subject, case, node, resource, filler, declared)


def _fillers(node: Node) -> dict[str, Job]:
    """Jobs that take half of one resource of a node and nothing else."""
    out = {"free_cpu": Job("filler", cpus=max(node.cpu_milli // 2, 1) / 1000)}
    if node.memory_mib > 1:
        out["free_memory"] = Job("filler", memory=node.memory_mib // 2)
    if node.gpus:
        out["free_gpu"] = Job("filler", gpus=0.4)
    return out


def _compare(
    subject: Subject, case: Case, node: Node, resource: str, filler: Job, declared: dict[str, Any]
) -> None:
    cluster = Cluster([renamed(node, "fuller"), renamed(node, "emptier")])
    if not place(cluster, filler, "first_fit", apply=True)[0].placed:
        return
    for job in case.jobs:
        if job.gang is not None or job.tasks > 1 or subject.policy is None:
            continue
        try:
            told = place(cluster, job, subject.policy, seed=1).explain(0, top=2)
        except PolicyError:
            return
        parts = {name: found for name, _, found in told.top}
        if len(parts) < 2:
            continue
        for name, directions in declared.items():
            full, empty = parts["fuller"][name], parts["emptier"][name]
            direction = directions.get(resource)
            if (direction == "rising" and empty < full - 1e-6) or (
                direction == "falling" and empty > full + 1e-6
            ):
                raise Broken(
                    f"scorer {name} is declared {direction} in {resource} and gives {job.name} {empty:.4g} on "
                    f"the emptier of two such nodes, {full:.4g} on the fuller: {node!r}"
                )
