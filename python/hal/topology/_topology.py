"""The topology itself: names at the door, arrays in the core."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hal import _core
from hal._doors import must_be
from hal._show import counted
from hal.errors import InvalidModel
from hal.topology._levels import Level, resolve_levels


class Domain(NamedTuple):
    """One domain of a topology: `parent` is another domain's name, or None for the root."""

    name: str
    level: str
    parent: str | None


def _index(names: Iterable[str], what: str, again: str) -> dict[str, int]:
    index: dict[str, int] = {}
    for name in names:
        if not isinstance(name, str) or not name:
            raise InvalidModel(f"topology: {what} name {name!r}; give a text that is not empty")
        if name in index:
            raise InvalidModel(f"topology: {what} {name!r} is {again}; give it once")
        index[name] = len(index)
    return index


class Topology:
    """An immutable tree of domains at named levels, with cluster nodes attached to any of them.

    A domain lies strictly below its parent's level and may skip levels, so that branches differ in depth.
    The figures of two nodes are those of the level of their lowest common domain. A node and itself have
    distance and latency 0.

    Parameters
    ----------
    levels : sequence of str or Level
        From the root down.
    domains : iterable of Domain or (name, level, parent)
        In any order; exactly one has no parent. Names are unique.
    nodes : mapping of str to str, or iterable of (node, domain)
        The domain each cluster node hangs from; its order is the order of the nodes.

    Raises
    ------
    hal.InvalidModel
        Unknown or repeated levels, domains or parents; a tree that is cyclic or disconnected; a negative
        figure; a distance that grows from the root down; a node attached twice. The message names it.

    Notes
    -----
    Building costs O(domains + nodes): about 1 s for 1,000,000 nodes, almost all of it for their names.

    Examples
    --------
    >>> t = Topology(["site", "rack"], [("s", "site", None), ("r1", "rack", "s"), ("r2", "rack", "s")],
    ...              {"n1": "r1", "n2": "r1", "n3": "r2", "login": "s"})
    >>> t.distance("n1", "n2"), t.distance("n1", "n3"), t.distance("n1", "login"), t.path("n1")
    (2, 4, 4, ('s', 'r1'))
    """

    __slots__ = ("_core", "_domain_names", "_index", "_nodes")

    def __init__(
        self,
        levels: Sequence[str | Level],
        domains: Iterable[Domain | tuple[str, str, str | None]],
        nodes: Mapping[str, str] | Iterable[tuple[str, str]] = (),
    ) -> None:
        resolved = resolve_levels(levels)
        level_of = _index((level[0] for level in resolved), "level", "named twice")
        rows = [_row(entry) for entry in domains]
        domain_of = _index((row.name for row in rows), "domain", "given twice")
        for row in rows:
            if row.level not in level_of:
                raise InvalidModel(
                    f"topology: domain {row.name!r} is at the unknown level {row.level!r}; "
                    f"the levels are {', '.join(level_of)}"
                )
            if row.parent is not None and row.parent not in domain_of:
                raise InvalidModel(f"topology: domain {row.name!r} has the unknown parent {row.parent!r}")
        pairs = list(nodes.items() if isinstance(nodes, Mapping) else nodes)
        index = _index((node for node, _ in pairs), "node", "attached twice")
        for node, domain in pairs:
            if domain not in domain_of:
                raise InvalidModel(f"topology: node {node!r} is attached to the unknown domain {domain!r}")
        self._core = _core.Topology(
            resolved,
            list(domain_of),
            np.fromiter((level_of[row.level] for row in rows), np.int32, len(rows)),
            np.fromiter((-1 if r.parent is None else domain_of[r.parent] for r in rows), np.int32, len(rows)),
            np.fromiter((domain_of[domain] for _, domain in pairs), np.int32, len(pairs)),
        )
        self._domain_names: tuple[str, ...] = tuple(self._core.domains)
        self._nodes = tuple(index)
        self._index = index

    @property
    def levels(self) -> tuple[Level, ...]:
        """Levels from the root down, distances filled in."""
        return tuple(Level(*level) for level in self._core.levels)

    @property
    def domains(self) -> tuple[Domain, ...]:
        """Domains in depth-first order, the root first: the order of every per-domain array."""
        names, levels = self._domain_names, [level[0] for level in self._core.levels]
        return tuple(
            Domain(name, levels[level], None if parent < 0 else names[parent])
            for name, level, parent in zip(names, self.level.tolist(), self.parent.tolist(), strict=True)
        )

    @property
    def nodes(self) -> tuple[str, ...]:
        """Names of the cluster nodes, in the order they were attached."""
        return self._nodes

    @property
    def parent(self) -> NDArray[np.int32]:
        """Parent of each domain: (n_domains,) int32, -1 for the root; a read-only view."""
        return self._core.parent

    @property
    def level(self) -> NDArray[np.int32]:
        """Level of each domain: (n_domains,) int32, 0 = the uppermost; a read-only view."""
        return self._core.level

    @property
    def node_domain(self) -> NDArray[np.int32]:
        """Domain of each node: (n_nodes,) int32; a read-only view."""
        return self._core.node_domain

    @property
    def node_order(self) -> NDArray[np.int32]:
        """Nodes in depth-first order: (n_nodes,) int32. Those under one domain stand together; a view."""
        return self._core.node_order

    def __len__(self) -> int:
        return len(self._nodes)

    def __iter__(self) -> Iterator[str]:
        return iter(self._nodes)

    def __contains__(self, node: object) -> bool:
        return node in self._index

    def __repr__(self) -> str:
        levels = " › ".join(level[0] for level in self._core.levels)
        return f"<Topology {levels}: {counted(self._core.n_domains, 'domain')}, {counted(len(self), 'node')}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Topology):
            return NotImplemented
        return (self.levels, self.domains, self.nodes) == (other.levels, other.domains, other.nodes) and bool(
            np.array_equal(self.node_domain, other.node_domain)
        )

    __hash__ = None  # type: ignore[assignment]  # compared by content, which may be a million nodes

    def __reduce__(self) -> tuple[type[Topology], tuple[object, ...]]:
        names = self._domain_names
        attached = [(n, names[d]) for n, d in zip(self._nodes, self.node_domain.tolist(), strict=True)]
        return Topology, (self.levels, self.domains, attached)

    def index(self, node: str) -> int:
        """Position of a node in `nodes`; InvalidModel when it is not attached."""
        try:
            return self._index[node]
        except (KeyError, TypeError):
            raise InvalidModel(f"topology: unknown node {node!r}; attach it to a domain") from None

    def path(self, node: str) -> tuple[str, ...]:
        """Names of the domains above a node, the root first."""
        names, parent = self._domain_names, self.parent
        path: list[str] = []
        at = int(self.node_domain[self.index(node)])
        while at >= 0:
            path.append(names[at])
            at = int(parent[at])
        return tuple(reversed(path))

    def nodes_under(self, domain: str) -> tuple[str, ...]:
        """Names of all nodes in the subtree of a domain, in depth-first order."""
        if domain not in self._domain_names:
            raise InvalidModel(f"topology: unknown domain {domain!r}")
        at = self._domain_names.index(domain)
        begin, end = self._core.node_begin[at], self._core.node_begin[self._core.subtree_end[at]]
        return tuple(self._nodes[i] for i in self.node_order[begin:end].tolist())

    def common_level(self, node: str, other: str) -> str | None:
        """Name of the level of two nodes' lowest common domain, None for a node and itself."""
        level = self._core.common_level(self.index(node), self.index(other))
        return None if level == self._core.n_levels else self._core.levels[level][0]

    def distance(self, node: str, other: str) -> int:
        """Distance of two nodes, 0 for a node and itself."""
        return int(self.distances([node, other])[0, 1])

    def distances(self, nodes: Sequence[str] | NDArray[np.integer] | None = None) -> NDArray[np.int64]:
        """Pairwise distances.

        Parameters
        ----------
        nodes : sequence of str, or (n,) integer array of positions in `nodes`, optional
            Repetitions are allowed. All nodes when not given.

        Returns
        -------
        (n, n) int64
            Symmetric, zero where both are the same node. O(n²) time and memory: 800 MB for 10,000 nodes.
        """
        return self._core.matrix(_core.TopologyFigure.distance, self._positions(nodes))

    def latencies(self, nodes: Sequence[str] | NDArray[np.integer] | None = None) -> NDArray[np.int64]:
        """Pairwise latencies in nanoseconds, 0 where not stated; otherwise as `distances`."""
        return self._core.matrix(_core.TopologyFigure.latency_ns, self._positions(nodes))

    def bandwidths(self, nodes: Sequence[str] | NDArray[np.integer] | None = None) -> NDArray[np.int64]:
        """Pairwise bandwidths in MiB/s, 0 where not stated, 2^63-1 of a node to itself; as `distances`."""
        return self._core.matrix(_core.TopologyFigure.bandwidth_mib, self._positions(nodes))

    def _positions(self, nodes: Sequence[str] | NDArray[np.integer] | None) -> NDArray[np.int32]:
        if nodes is None:
            return np.arange(len(self), dtype=np.int32)
        if isinstance(nodes, str):
            raise InvalidModel(f"topology: nodes={nodes!r}; give a list of names")
        if isinstance(nodes, np.ndarray) and nodes.dtype.kind in "iu":
            if nodes.ndim != 1:
                raise InvalidModel(f"topology: nodes of shape {nodes.shape}; give one dimension")
            out = nodes[(nodes < 0) | (nodes >= len(self))]
            if out.size:
                raise InvalidModel(f"topology: node {int(out[0])} of {len(self)}")
            return np.ascontiguousarray(nodes, dtype=np.int32)
        return np.fromiter(map(self.index, nodes), np.int32)


def _row(entry: Domain | tuple[str, str, str | None]) -> Domain:
    if len(entry) != 3 or not all(isinstance(part, str) for part in entry[: 2 if entry[2] is None else 3]):
        raise InvalidModel(
            f"topology: domain {entry!r}; give (name, level, parent), texts or None as the parent"
        )
    if any(0xD800 <= ord(c) < 0xE000 for c in entry[0]):
        raise InvalidModel(f"topology: domain {entry!r} has a surrogate in its name; give valid Unicode")
    return Domain(*entry)


def distances(
    topology: Topology, nodes: Sequence[str] | NDArray[np.integer] | None = None
) -> NDArray[np.int64]:
    """Pairwise distances of nodes as (n, n) int64; the same as ``topology.distances(nodes)``."""
    return must_be(topology, Topology, "topology").distances(nodes)
