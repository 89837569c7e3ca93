"""What must come through a question unharmed: the cluster, the arguments, the policy itself."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np

from hal.testing.case import Case
from hal.testing.checks.answers import difference
from hal.testing.checks.registry import Broken, NotAsked, check
from hal.testing.subject import Subject


@check("hal.place is a question; only apply and release change a cluster.")
def pure(subject: Subject, case: Case) -> None:
    """The cluster is as before after it was asked about."""
    cluster = case.cluster()
    before, running = cluster.digest(), cluster.jobs()
    subject.place(cluster, case.jobs, seed=1)
    if cluster.digest() != before or cluster.jobs() != running:
        raise Broken("asking for places changed the cluster")


@check("Arguments belong to the caller, and may be the core's own columns.")
def inputs_unchanged(subject: Subject, case: Case) -> None:
    """Jobs, requests and columns are as they were given."""
    cluster = case.cluster()
    if subject.policy is None:
        given = list(case.jobs)
        subject.given.place(cluster, given, seed=1)
        if given != list(case.jobs):
            raise Broken("the list of jobs was changed")

    def ask(scorer: Any, job: Any, nodes: Any) -> None:
        index, request = nodes.index.copy(), _request(job)
        scorer.score(job, nodes)
        if not np.array_equal(nodes.index, index):
            raise Broken(f"scorer {scorer.name} wrote to nodes.index")
        if _request(job) != request:
            raise Broken(f"scorer {scorer.name} changed the request")

    for job in case.jobs:
        subject.probe(cluster, job, ask)


def _request(job: Any) -> dict[str, Any]:
    return {name: copy.deepcopy(getattr(job, name)) for name in type(job).__slots__}


@check("What is released must be free again, or the cluster fills up with ghosts.")
def release(subject: Subject, case: Case) -> None:
    """Placing and releasing restores the state exactly."""
    if not subject.applies:
        raise NotAsked("a placer without apply()")
    cluster = case.cluster()
    before = cluster.digest()
    answers = subject.carry_out(cluster, case.jobs, seed=1)
    names = [answer.job for answer in answers if answer.placed]
    subject.release(cluster, names)
    if cluster.digest() != before:
        left = sorted(set(cluster.jobs()) & set(names)) or "nothing by name"
        raise Broken(f"after {', '.join(names)} were released, {left} is still booked")


@check("Policies go to worker processes and into saved experiments.", needs="deterministic")
def pickling(subject: Subject, case: Case) -> None:
    """The policy pickles, and its copy answers alike."""
    subject = subject.fresh()
    target = subject.given if subject.policy is None or isinstance(subject.given, str) else subject.policy
    try:
        again = Subject(pickle.loads(pickle.dumps(target)))
    except Exception as error:
        raise Broken(f"cannot be pickled: {error}") from None
    here = subject.place(case.cluster(), case.jobs, seed=1)
    if (there := again.place(case.cluster(), case.jobs, seed=1)) != here:
        raise Broken(f"its copy answers otherwise: {difference(here, there)}")
