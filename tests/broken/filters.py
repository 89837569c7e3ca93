"""Broken filters: they may refuse whatever they like, so what breaks is what they say and for how long."""

from __future__ import annotations


class Wordless:
    """Refuses nodes that run something, for a reason without a word."""

    name = " "
    opt_out = {"no_starvation": "refuses the second task of a gang by design"}  # noqa: RUF012  # as a stranger writes

    def keep(self, job, nodes):
        return nodes.tasks == 0


class NeverBig:
    """Refuses jobs of more than two CPUs, for ever, without a word that they can never run."""

    name = "never_big"

    def keep(self, job, nodes):
        return (nodes.free_cpu >= 0) & (job.cpu <= 2000)
