"""What an answer may never do: overfill, share what is exclusive, break a rule, split a gang, or lie."""

from __future__ import annotations

from hal.answer import Placement, Status
from hal.model import Job
from hal.place import place
from hal.testing.books import Books
from hal.testing.case import Case
from hal.testing.checks.registry import Broken, NotAsked, check
from hal.testing.subject import Subject


def _opened(case: Case) -> Books:
    """The books of the situation, with what runs."""
    books = Books(case.nodes)
    before = case.empty()
    for job, answer in zip(case.running, place(before, case.running, "first_fit"), strict=True):
        books.take(job, answer.nodes, answer.gpus)
    return books


def _audit(subject: Subject, case: Case, name: str) -> None:
    books = _opened(case)
    answers = _answers(subject, case)
    for job, answer in zip(case.jobs, answers, strict=True):
        for fault in books.faults(job, answer):
            if fault.check == name:
                raise Broken(fault.text)


def _answers(subject: Subject, case: Case) -> list[Placement]:
    answers = subject.place(case.cluster(), case.jobs, seed=1)
    if len(answers) != len(case.jobs):
        raise Broken(f"{len(case.jobs)} jobs were given and {len(answers)} answers came back")
    return answers


@check("A node that is given more than it has kills what runs on it.")
def capacity(subject: Subject, case: Case) -> None:
    """No node is taken over its CPUs, memory or extended resources."""
    _audit(subject, case, "capacity")


@check("Two jobs on one whole GPU, or shares above one, run each other out of memory.")
def gpus(subject: Subject, case: Case) -> None:
    """Every task has the devices it asked for, each once, and no device is shared beyond what is left of it."""
    _audit(subject, case, "gpus")


@check("Selectors, taints, cordons and GPU models are what operators and users rely on.")
def constraints(subject: Subject, case: Case) -> None:
    """Every node satisfies what the job demands, and the job what the node demands."""
    _audit(subject, case, "constraints")


@check("Half a gang holds resources and does no work.")
def all_or_nothing(subject: Subject, case: Case) -> None:
    """A job has all of its tasks placed, or none."""
    _audit(subject, case, "all_or_nothing")


@check(
    "An idle cluster that refuses work, or a promise that will never come true, is the costliest bug there is.",
    may_opt_out=True,
)
def true_status(subject: Subject, case: Case) -> None:
    """A single task that fits is placed; INFEASIBLE is said when it can never fit, UNSCHEDULABLE when it may later."""
    books = _opened(case)
    for job, answer in zip(case.jobs, _answers(subject, case), strict=True):
        if not answer.placed and job.gang is None:
            _refused(books, job, answer, filtered=subject.policy is not None and bool(subject.policy.filters))
        if books.faults(job, answer):
            return  # after a wrong answer nobody knows what is free


def _refused(books: Books, job: Job, answer: Placement, *, filtered: bool) -> None:
    room = [name for name in books.rooms if books.fits(name, job)]
    if job.tasks == 1 and room and not filtered:
        raise Broken(f"{job.name} fits on {', '.join(room)} and is {answer.status.name}")
    ever = books.could_ever_fit(job)
    said = answer.status is not Status.INFEASIBLE
    if ever != said:
        truth = "would fit if nothing ran" if ever else "can never fit"
        raise Broken(f"{job.name} {truth} and is {answer.status.name}")


@check("A user who is told no must be told why.")
def reasons(subject: Subject, case: Case) -> None:
    """Each node is feasible or rejected for a reason that is not empty, and what is not placed says what is missing."""
    if subject.policy is None:
        raise NotAsked("a placer without explain()")
    cluster = case.cluster()
    answers = place(cluster, case.jobs, subject.policy, seed=1)
    for job in case.jobs:
        told = answers.explain(job.name)
        counted = sum(told.reasons.values()) + told.feasible
        if counted != told.nodes:
            raise Broken(f"{job.name}: {counted} of {told.nodes} nodes are accounted for")
        if any(not reason.strip() for reason in told.reasons):
            raise Broken(f"{job.name}: {told.reasons} has a reason without a word")
        filtered = bool(subject.policy.filters)
        if told.reasons and any(not str(item.name).strip() for item in subject.policy.filters):
            raise Broken(f"{job.name}: a filter without a name rejects nodes")
        if told.status is not Status.PLACED and not (told.missing.strip() or filtered):
            raise Broken(f"{job.name}: is {told.status.name} and nothing is said to be missing")
