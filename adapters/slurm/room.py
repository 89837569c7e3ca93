"""On which nodes a job may run, beside what it asks of their resources. Pure."""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence

from hal.adapters.slurm.asking import Capacity
from hal.adapters.slurm.features import compile_features
from hal.adapters.slurm.nodes import NODE
from hal.adapters.slurm.records import JobRecord, NodeRecord, Reservation, hosts
from hal.adapters.slurm.waits import Unsaid

import hal

__all__ = ["Room"]


class Room:
    """On which nodes a job may run, beside what it asks of their resources."""

    def __init__(
        self,
        nodes: Sequence[NodeRecord],
        reservations: Sequence[Reservation],
        now: int,
        parts: frozenset[str],
    ) -> None:
        self.nodes, self.reservations, self.now = nodes, reservations, now
        self.parts = parts  # reservations whose part of their nodes is in the books
        self.names = tuple(node.name for node in nodes)
        self._has = {node.name: Capacity.of(node) for node in nodes}
        self._kinds: dict[tuple[str, str], Counter[Capacity]] = {}

    @functools.cached_property
    def idle(self) -> dict[str, Capacity]:
        """What nobody uses of each node."""
        return {node.name: Capacity.idle(node) for node in self.nodes}

    def of(self, job: JobRecord, refused: frozenset[str]) -> tuple[list[hal.Selector], Counter[Capacity]]:
        """Return the selectors, labels where they say it all, else the list of nodes, and how many there are of a kind.

        Raises
        ------
        Unsaid
            There is none, or what it asks for cannot be said.
        """
        partitions = [name for name in job.partition.split(",") if name]
        test = compile_features(job.features) if job.features else None
        plain = test is None or re.fullmatch(r"[^&|()\[\]*]+(&[^&|()\[\]*]+)*", job.features) is not None
        closed = self._reserved(job) | refused | set(hosts(job.excluded))
        if plain and len(partitions) == 1 and not (closed or job.required or job.reservation):
            keys = [f"partition/{partitions[0]}"]
            keys += [f"feature/{name.strip()}" for name in job.features.split("&") if name.strip()]
            known = job.partition, job.features
            if known not in self._kinds:
                self._kinds[known] = self._count(self._allowed(partitions, test))
            return [hal.Selector(key, "Exists") for key in keys], self._kinds[known]
        allowed = [name for name in self._allowed(partitions, test) if name not in closed]
        if job.required:
            asked = set(hosts(job.required))
            if len(asked) < job.fewest:
                raise Unsaid("required_nodes", job.required)
            allowed = [name for name in allowed if name in asked]
        if not allowed:
            raise Unsaid("constraints", f"no node of {job.partition} has {job.features or 'what is asked'}")
        return [hal.Selector(NODE, "In", allowed)], self._count(allowed)

    def _allowed(
        self, partitions: Sequence[str], test: Callable[[Collection[str]], bool] | None
    ) -> list[str]:
        return [
            node.name
            for node in self.nodes
            if (not partitions or set(partitions) & set(node.partitions))
            and (test is None or test(node.features))
        ]

    def _count(self, names: Iterable[str]) -> Counter[Capacity]:
        return Counter(self._has[name] for name in names)

    def _reserved(self, job: JobRecord) -> set[str]:
        """Nodes that somebody else's reservation holds before the job's time limit ends."""
        own = {name for name in job.reservation.split(",") if name}
        if own & self.parts:
            raise Unsaid("reservation", f"{job.reservation} holds parts of nodes")
        end = self.now + (job.limit or 365 * 86400)
        taken: set[str] = set()
        for reservation in self.reservations:
            nodes = set(hosts(reservation.nodes))
            if reservation.name in own:
                taken |= set(self.names) - nodes
            elif (
                reservation.name not in self.parts and reservation.start < end and self.now < reservation.end
            ):
                taken |= nodes
        return taken
