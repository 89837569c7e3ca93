"""The tree of caches that data is pulled through."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from os import PathLike
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hal import _core
from hal._doors import listed
from hal._show import counted
from hal.data import _units, _yaml
from hal.data._columns import as_column
from hal.errors import InvalidModel


@dataclass(frozen=True, kw_only=True)
class Cache:
    """One cache and its link to the next one up.

    Parameters
    ----------
    name : str
        Unique in the tree.
    capacity : int or str
        Bytes, or with a unit: ``"20TiB"``. At most 8 PiB; split larger stores.
    parent : str, optional
        The cache that this one pulls through; none for the root.
    bandwidth : int or str
        Of the link to the parent: bytes/s, or ``"10GB/s"``, ``"100Gbit/s"``; 1 kB/s … 8 TiB/s. Not read at
        the root.
    latency : float or str
        Of the link to the parent: seconds, or ``"200us"``. At most 11 days.
    egress : float
        Currency units for each GiB that crosses the link to the parent, in either direction; 0 … 50, kept to
        six decimals.
    nodes : sequence of str
        Names of the cluster's nodes whose nearest cache this is.
    """

    name: str
    capacity: _units.Size
    parent: str | None = None
    bandwidth: _units.Rate = "10GB/s"
    latency: _units.Duration = 0
    egress: _units.Money = 0
    nodes: Sequence[str] = ()


class CacheTree:
    """A tree of caches: node-local › rack › site › root, or any other. Immutable.

    Parameters
    ----------
    caches : iterable of Cache
        In any order. A cache's place in it is its index, and exact ties go to the lower index.

    Raises
    ------
    InvalidModel
        Two caches of one name, a node at two caches, an unknown parent, a cycle, no root or two, a figure
        outside its limits, more than 64 levels. The message names the cache.

    Notes
    -----
    Bytes stream through the caches between source and target, so a transfer takes the sum of the latencies
    plus ⌈bytes / slowest link⌉, and costs bytes times the sum of the links' egress.
    """

    def __init__(self, caches: Iterable[Cache]) -> None:
        rows = listed(caches, Cache, "caches")
        index = {cache.name: i for i, cache in enumerate(rows)}
        for i, cache in enumerate(rows):
            if index[cache.name] != i:
                raise InvalidModel(f"cache '{cache.name}': there are two of this name; rename one")
            if cache.parent is not None and cache.parent not in index:
                raise InvalidModel(
                    f"cache '{cache.name}': its parent '{cache.parent}' is not in the tree; add it"
                )

        def column(parse: Callable[[str, object], int], field: str) -> NDArray[np.int64]:
            return np.array([parse(f"cache '{c.name}': {field}", getattr(c, field)) for c in rows], np.int64)

        self._names = tuple(cache.name for cache in rows)
        self._index = index
        self._build(
            np.array([-1 if c.parent is None else index[c.parent] for c in rows], np.int32),
            column(_units.parse_bytes, "capacity"),
            column(_units.parse_rate, "bandwidth"),
            column(_units.parse_micros, "latency"),
            column(_units.parse_money, "egress"),
        )
        self._nodes: dict[str, int] = {}
        for i, cache in enumerate(rows):
            for node in cache.nodes:
                if self._nodes.setdefault(node, i) != i:
                    other = self._names[self._nodes[node]]
                    raise InvalidModel(
                        f"node '{node}': attached to '{other}' and to '{cache.name}'; keep the nearest"
                    )

    @classmethod
    def from_arrays(
        cls,
        parent: ArrayLike,
        capacity: ArrayLike,
        bandwidth: ArrayLike,
        *,
        latency: ArrayLike | None = None,
        egress: ArrayLike | None = None,
        names: Sequence[str] = (),
    ) -> Self:
        """Build from columns, one row a cache.

        Parameters
        ----------
        parent : (n,) int32
            Index of the parent, −1 for the root.
        capacity : (n,) int64, bytes
        bandwidth : (n,) int64, bytes/s
            Of the link to the parent; not read at the root.
        latency : (n,) int64, microseconds, optional
        egress : (n,) int64, micro-units per GiB, optional
        names : sequence of str, optional
            By default ``"0"``, ``"1"``, ….

        Raises
        ------
        InvalidModel
            As for the class, and for columns of another dtype or length.
        """
        tree = cls.__new__(cls)
        parents = as_column("parent", parent, np.int32)
        n = len(parents)
        tree._names = tuple(names) or tuple(str(i) for i in range(n))
        tree._index = {name: i for i, name in enumerate(tree._names)}
        if len(tree._names) != n or len(tree._index) != n:
            raise InvalidModel(
                f"names: must be {n} different names, got {len(tree._names)}, {len(tree._index)} different"
            )
        zeros = np.zeros(n, np.int64)
        tree._build(
            parents,
            as_column("capacity", capacity, np.int64, n),
            as_column("bandwidth", bandwidth, np.int64, n),
            zeros if latency is None else as_column("latency", latency, np.int64, n),
            zeros if egress is None else as_column("egress", egress, np.int64, n),
        )
        tree._nodes = {}
        return tree

    @classmethod
    def from_yaml(cls, source: str | PathLike[str]) -> Self:
        """Read the section ``caches`` of a YAML file or text: a list with the fields of `Cache`.

        Raises
        ------
        InvalidModel
            As for the class, and for what is no such list. The message names the entry.
        MissingExtra
            PyYAML is not installed.
        """
        entries = _yaml.read_section(source, "caches")
        if not isinstance(entries, list):
            raise InvalidModel("caches: must be a list of caches")
        known = {field.name for field in fields(Cache)}
        caches = []
        for i, entry in enumerate(entries):
            if not isinstance(entry, Mapping) or not isinstance(entry.get("name"), str):
                raise InvalidModel(f"caches[{i}]: must be a mapping with at least a 'name' and a 'capacity'")
            unknown = sorted(str(key) for key in entry if key not in known)
            if unknown:
                raise InvalidModel(
                    f"cache '{entry['name']}': unknown field '{unknown[0]}'; known are {sorted(known)}"
                )
            if "capacity" not in entry:
                raise InvalidModel(
                    f"cache '{entry['name']}': has no capacity; give bytes or a text such as '20TiB'"
                )
            nodes = entry.get("nodes", ())
            if not isinstance(nodes, (list, tuple)) or not all(isinstance(node, str) for node in nodes):
                raise InvalidModel(f"cache '{entry['name']}': nodes must be a list of names")
            caches.append(Cache(**entry))
        return cls(caches)

    def _build(
        self,
        parent: NDArray[np.int32],
        capacity: NDArray[np.int64],
        bandwidth: NDArray[np.int64],
        latency: NDArray[np.int64],
        egress: NDArray[np.int64],
    ) -> None:
        self._core = _core.CacheTree(parent, capacity, bandwidth, latency, egress, list(self._names))
        capacity = capacity.copy()
        capacity.flags.writeable = False
        self._capacity = capacity

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return f"CacheTree({counted(len(self), 'cache')}, {counted(len(self._nodes), 'node')} attached)"

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the caches, by index."""
        return self._names

    @property
    def capacity(self) -> NDArray[np.int64]:
        """Capacity of each cache: (n,) int64, bytes, read-only."""
        return self._capacity

    @property
    def nodes(self) -> dict[str, str]:
        """Nearest cache of each attached node, by names."""
        return {node: self._names[cache] for node, cache in self._nodes.items()}

    def index(self, cache: str) -> int:
        """Index of a cache by its name.

        Raises
        ------
        InvalidModel
            No cache has that name.
        """
        try:
            return self._index[cache]
        except (KeyError, TypeError):
            raise InvalidModel(f"cache {cache!r}: not in the tree of {len(self)} caches") from None

    def parent(self, cache: str) -> str | None:
        """Name of the cache that a cache pulls through; None for the root."""
        parent = self._core.parent(self.index(cache))
        return None if parent < 0 else self._names[parent]

    def nearest_cache(self, nodes: Iterable[str]) -> NDArray[np.int32]:
        """Index of the cache each node is attached to: (nodes,) int32.

        Raises
        ------
        InvalidModel
            A node is attached to no cache.
        """
        found = []
        for node in nodes:
            if node not in self._nodes:
                raise InvalidModel(f"node '{node}': attached to no cache; name it under a cache's nodes")
            found.append(self._nodes[node])
        return np.array(found, np.int32)

    def route(self, source: str, target: str) -> tuple[str, ...]:
        """Names of the caches from source to target over their lowest common ancestor, both included."""
        return tuple(self._names[i] for i in self._core.route(self.index(source), self.index(target)))
