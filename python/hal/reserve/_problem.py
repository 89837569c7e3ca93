"""Requests and a cluster as the columns that the core plans with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hal import _core
from hal._show import show
from hal.cluster import Cluster
from hal.errors import InvalidModel
from hal.model import Node
from hal.reserve.plan import Booking, caches_of
from hal.reserve.request import Maintenance, Request, whole
from hal.topology import Topology

__all__ = ["NEVER", "Entry", "Problem", "Site"]

Ints = NDArray[np.int64]
#: A start that is none.
NEVER: Final = 2**63 - 1
_RESOURCES: Final = 4  # milli-CPU, MiB of memory, GPUs, MiB of cache


@dataclass(frozen=True)
class Entry:
    """A request or a promise with its times as integers."""

    request: Request | Maintenance
    release: int
    deadline: int
    promise: Booking | None = None

    @property
    def duration(self) -> int:
        """Seconds."""
        return whole(self.request.duration)

    @property
    def name(self) -> str:
        """Of the request."""
        return self.request.name


class Site:
    """Nodes and caches as bins, and which of them a request may use."""

    def __init__(self, cluster: Cluster, caches: Mapping[str, int], topology: Topology | None) -> None:
        self.nodes: list[Node] = list(cluster.nodes())
        self.index = {node.name: i for i, node in enumerate(self.nodes)}
        self.caches = {name: len(self.nodes) + i for i, name in enumerate(caches)}
        self.capacity = np.zeros((len(self.nodes) + len(caches), _RESOURCES), dtype=np.int64)
        for i, node in enumerate(self.nodes):
            self.capacity[i, :3] = node.cpu_milli, node.memory_mib, len(node.gpus)
        for name, bin in self.caches.items():
            self.capacity[bin, 3] = caches[name]
        self._topology = topology
        self._domains: dict[str, dict[str, int]] = {}

    def of(self, who: str, name: str) -> int:
        """Index of a node."""
        if name not in self.index:
            raise InvalidModel(f"{who}: nodes: {show(name)} is no node of the cluster")
        return self.index[name]

    def cache(self, who: str, name: str) -> int:
        """Bin of a cache."""
        if name not in self.caches:
            raise InvalidModel(f"{who}: caches: {show(name)} is unknown; give its size with caches=")
        return self.caches[name]

    def demand(self, request: Request) -> tuple[int, int, int, int]:
        """What a task takes of a node."""
        return round(float(request.cpus) * 1000), int(request.memory), request.gpus, 0

    def groups(self, request: Request) -> list[list[int]]:
        """Sets of nodes in one of which the request's tasks must lie; empty when no node is eligible."""
        who = f"Request({request.name!r})"
        named = {self.of(who, name) for name in request.nodes}
        need = self.demand(request)
        eligible = [
            i
            for i, node in enumerate(self.nodes)
            if node.schedulable
            and (not named or i in named)
            and all(node.labels.get(key) == value for key, value in request.selector.items())
            and (not request.gpu_models or all(gpu.model in request.gpu_models for gpu in node.gpus))
            and all(self.capacity[i, k] >= need[k] for k in range(3))
            and self.capacity[i].any()
        ]
        if request.level is None:
            return [eligible] if eligible else []
        domain_of = self._level(who, request.level)
        groups: dict[int, list[int]] = {}
        for i in eligible:
            if self.nodes[i].name in domain_of:
                groups.setdefault(domain_of[self.nodes[i].name], []).append(i)
        return [groups[domain] for domain in sorted(groups)]

    def _level(self, who: str, level: str) -> dict[str, int]:
        if self._topology is None:
            raise InvalidModel(f"{who}: level = {show(level)}: needs a topology; give topology=")
        names = [entry.name for entry in self._topology.levels]
        if level not in names:
            raise InvalidModel(f"{who}: level = {show(level)}: the levels are {', '.join(names)}")
        if level not in self._domains:
            wanted, found = names.index(level), {}
            levels, parents = self._topology.level.tolist(), self._topology.parent.tolist()
            for node, start in zip(self._topology.nodes, self._topology.node_domain.tolist(), strict=True):
                domain = start
                while domain >= 0 and levels[domain] > wanted:
                    domain = parents[domain]
                if domain >= 0 and levels[domain] == wanted:
                    found[node] = domain
            self._domains[level] = found
        return self._domains[level]


class Problem:
    """Entries on a site: the core's columns, and what else an objective asks."""

    def __init__(self, site: Site, entries: Sequence[Entry]) -> None:
        self.site, self.entries = site, tuple(entries)
        n = len(entries)
        self.duration = np.array([e.duration for e in entries], dtype=np.int64)
        self.release = np.array([e.release for e in entries], dtype=np.int64)
        self.deadline = np.array([e.deadline for e in entries], dtype=np.int64)
        self.tasks = np.zeros(n, dtype=np.int32)
        self.whole = np.zeros(n, dtype=np.uint8)
        self.choice = np.zeros(n, dtype=np.int32)
        self.demand = np.zeros((n, _RESOURCES), dtype=np.int64)
        self.due, self.weight, self.watts = (np.zeros(n, dtype=np.int64) for _ in range(3))
        self.choices: list[list[list[int]]] = []
        known: dict[str, int] = {}
        fixed: list[list[tuple[int, tuple[int, ...]]]] = []
        for row, entry in enumerate(entries):
            request = entry.request
            fixed.append(list(self._fixed(entry)))
            self.due[row] = entry.release + entry.duration
            if isinstance(request, Maintenance):
                continue
            self.weight[row], self.watts[row] = request.weight, request.watts
            if request.due is not None:
                self.due[row] = whole(request.due)
            if entry.promise is not None:
                continue
            self.tasks[row], self.whole[row] = request.tasks, request.exclusive
            self.demand[row] = site.demand(request)
            groups = site.groups(request) if request.tasks else []
            self.choice[row] = known.setdefault(repr(groups), len(self.choices))
            if self.choice[row] == len(self.choices):
                self.choices.append(groups)
        groups_flat = [group for groups in self.choices for group in groups]
        rows = [item for items in fixed for item in items]
        self.core = _core.ReserveProblem(
            resources=_RESOURCES,
            capacity=site.capacity.ravel(),
            duration=self.duration,
            release=self.release,
            deadline=self.deadline,
            tasks=self.tasks,
            whole=self.whole,
            choice=self.choice,
            demand=self.demand.ravel(),
            fixed_first=_offsets(fixed),
            fixed_bin=np.array([bin for bin, _ in rows], dtype=np.int32),
            fixed_amount=np.array([amount for _, amount in rows], dtype=np.int64).ravel(),
            choice_first=_offsets(self.choices),
            group_first=_offsets(groups_flat),
            group_bin=np.array([bin for group in groups_flat for bin in group], dtype=np.int32),
        )
        self.fixed = fixed

    def __len__(self) -> int:
        return len(self.entries)

    def part(self, rows: Iterable[int]) -> Problem:
        """Return the problem of some of the entries."""
        return Problem(self.site, [self.entries[row] for row in rows])

    def bookings(self, start: Ints, first: Ints, bins: NDArray[np.int32]) -> tuple[Booking, ...]:
        """Name what a plan of the core has placed."""
        out = []
        names = [node.name for node in self.site.nodes]
        for row, entry in enumerate(self.entries):
            if int(start[row]) == NEVER:
                continue
            begin = int(start[row])
            if entry.promise is not None:
                out.append(entry.promise)
                continue
            if isinstance(entry.request, Maintenance):
                nodes = tuple(entry.request.nodes)
            else:
                nodes = tuple(names[bin] for bin in bins[first[row] : first[row + 1]].tolist())
            out.append(Booking(entry.request, begin, begin + entry.duration, nodes))
        return tuple(out)

    def _fixed(self, entry: Entry) -> Iterable[tuple[int, tuple[int, ...]]]:
        """Bins whose amounts are known before planning."""
        request, who = entry.request, f"{type(entry.request).__name__}({entry.name!r})"
        for cache, amount in caches_of(request).items():
            yield self.site.cache(who, cache), (0, 0, 0, amount)
        if isinstance(request, Maintenance):
            for node in dict.fromkeys(request.nodes):
                bin = self.site.of(who, node)
                yield bin, tuple(self.site.capacity[bin].tolist())
        elif entry.promise is not None:
            need = self.site.demand(request)
            for node in dict.fromkeys(entry.promise.nodes):
                bin, count = self.site.of(who, node), entry.promise.nodes.count(node)
                taken = self.site.capacity[bin].tolist() if request.exclusive else [count * a for a in need]
                yield bin, tuple(taken)


def _offsets(rows: Sequence[Sequence[object]]) -> Ints:
    return np.concatenate([[0], np.cumsum([len(row) for row in rows], dtype=np.int64)]).astype(np.int64)
