"""Rules towards other jobs the plain way: every task looked at for every node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from hal import Affinity, AntiAffinity, Job, Spread
from hal.topology import Topology

Placed = Sequence[tuple[Job, str]]  # every running task: its job and node


def means(rule: Affinity | AntiAffinity | Spread, labels: Mapping[str, str]) -> bool:
    """The tests use In alone."""
    return all(labels.get(s.key) in s.values for s in rule.jobs)  # type: ignore[union-attr]


class PlainRules:
    """What a node is to a rule: the domain it lies in at each level."""

    def __init__(self, nodes: Sequence[str], topology: Topology) -> None:
        self.nodes, self.topology = nodes, topology
        self.levels = [level.name for level in topology.levels]
        self.level_of = {domain.name: domain.level for domain in topology.domains}

    def holds(self, job: Job, node: str) -> bool:
        """Whether the node would hold a task of the job when empty: only such nodes make a domain to spread over."""
        return True

    def domain(self, node: str, level: str) -> str | None:
        if level == "node":
            return node
        if node not in self.topology.nodes:
            return None
        return next((name for name in self.topology.path(node) if self.level_of[name] == level), None)

    def count(self, rule: Affinity | AntiAffinity | Spread, domain: str | None, placed: Placed) -> int:
        return sum(
            means(rule, job.labels) and self.domain(node, rule.level) == domain is not None
            for job, node in placed
        )

    def broken(self, job: Job, node: str, placed: Placed) -> Iterator[str]:
        """Musts that a task of the job on the node would break, after `placed`."""
        if job.exclusive and any(where == node and other is not job for other, where in placed):
            yield "exclusive"
        if any(where == node and other.exclusive and other is not job for other, where in placed):
            yield "another's exclusive node"
        for rule in job.rules:
            if rule.weight is not None:
                continue
            here = self.domain(node, rule.level)
            count = self.count(rule, here, placed)
            mine = means(rule, job.labels)
            if isinstance(rule, Affinity):
                first = mine and not any(means(rule, other.labels) for other, _ in placed)
                if count == 0 and not first:
                    yield "affinity"
            elif isinstance(rule, AntiAffinity):
                if count:
                    yield "anti-affinity"
            else:
                domains = {self.domain(other, rule.level) for other in self.nodes if self.holds(job, other)}
                least = min(self.count(rule, domain, placed) for domain in domains if domain is not None)
                if count + mine - least > rule.max_skew:
                    yield "skew"
        for other, where in placed:
            for rule in other.rules:
                must = isinstance(rule, AntiAffinity) and rule.weight is None and means(rule, job.labels)
                if must and self.domain(where, rule.level) == self.domain(node, rule.level) is not None:
                    yield "a running job's anti-affinity"
