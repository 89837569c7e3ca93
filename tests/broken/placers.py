"""Broken placers: objects that place on their own, where the core cannot hold them to anything.

Most ask ``hal.place`` and then spoil one thing.
"""

from __future__ import annotations

import dataclasses

import hal
from hal.testing.strategies import renamed


class _Honest:
    """Asks first fit, job by job."""

    policy = "first_fit"

    def place(self, cluster, jobs, *, seed=None):
        trial = cluster.fork()
        return [self.one(trial, job) for job in jobs]

    def one(self, trial, job):
        return hal.place(trial, job, self.policy, apply=True)[0]


class OverCommit(_Honest):
    """Finds that CPUs may be shared when nothing else fits."""

    def one(self, trial, job):
        answer = super().one(trial, job)
        if answer.placed:
            return answer
        squeezed = super().one(trial, renamed(job, job.name, cpus=0))
        return squeezed if squeezed.placed else answer


class IgnoresTaints(_Honest):
    """Tolerates everything when nothing else fits."""

    def one(self, trial, job):
        answer = super().one(trial, job)
        if answer.placed:
            return answer
        forced = super().one(trial, renamed(job, job.name, tolerations=[hal.Toleration("", "Exists")]))
        return forced if forced.placed else answer


class DoubleBooked(_Honest):
    """Hands out devices from the first on, whatever runs there."""

    def one(self, trial, job):
        answer = super().one(trial, job)
        if job.gpu_models or not answer.placed:
            return answer
        return dataclasses.replace(answer, gpus=tuple(tuple(range(len(gpus))) for gpus in answer.gpus))


class PartialGang(_Honest):
    """Starts what fits of a gang."""

    def one(self, trial, job):
        answer = super().one(trial, job)
        if answer.placed or job.tasks == 1:
            return answer
        part = super().one(trial, renamed(job, job.name, tasks=job.tasks - 1))
        return part if part.placed else answer


class SaysNever(_Honest):
    """Takes "not now" for "never"."""

    def one(self, trial, job):
        answer = super().one(trial, job)
        return answer if answer.placed else dataclasses.replace(answer, status=hal.Status.INFEASIBLE)


class BooksWhenAsked(_Honest):
    """Leaves a note in the cluster."""

    def place(self, cluster, jobs, *, seed=None):
        if "note" not in cluster:
            cluster.add(hal.Node("note", schedulable=False))
        return super().place(cluster, jobs, seed=seed)


class EatsJobs(_Honest):
    """Takes the jobs out of the caller's list."""

    def place(self, cluster, jobs, *, seed=None):
        answers = super().place(cluster, jobs, seed=seed)
        jobs.clear()
        return answers


class Homesick(_Honest):
    """Knows the first cluster it saw, and finds no place on any other."""

    home = None

    def place(self, cluster, jobs, *, seed=None):
        self.home = self.home or id(cluster)
        if id(cluster) != self.home:
            jobs = [renamed(job, job.name, cpus=1000) for job in jobs]
        return super().place(cluster, jobs, seed=seed)


class ByName(_Honest):
    """Takes an empty cluster's nodes by the alphabet."""

    def place(self, cluster, jobs, *, seed=None):
        if cluster.jobs() or len(cluster) > 10 or any(job.gang for job in jobs):
            return super().place(cluster, jobs, seed=seed)
        ordered = hal.Cluster(sorted(cluster.nodes(), key=lambda node: node.name))
        return super().place(ordered, jobs, seed=seed)


class _Booking(_Honest):
    """Books what it placed, and releases it."""

    def place(self, cluster, jobs, *, seed=None):
        self.asked = hal.place(cluster, jobs, self.policy, seed=seed)
        return list(self.asked)

    def apply(self, cluster, answers):
        cluster.apply(self.asked)

    def release(self, cluster, names):
        cluster.release(names)


class LeaksOnRelease(_Booking):
    """Forgets the last of several."""

    def release(self, cluster, names):
        cluster.release(names[: max(len(names) - 1, 1)])


class ForgetsAfterFailure(_Booking):
    """Loses its books when a node has gone."""

    nodes = 0

    def apply(self, cluster, answers):
        super().apply(cluster, answers)
        self.nodes = max(self.nodes, len(cluster))

    def release(self, cluster, names):
        if len(cluster) >= self.nodes:
            cluster.release(names)
