"""From where a dataset reaches a cache soonest, in what time and at what cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hal._doors import must_be
from hal.data._columns import names_or_column
from hal.data._units import MICRO
from hal.data.content_map import ContentMap
from hal.errors import InvalidModel


@dataclass(frozen=True)
class Transfer:
    """How one dataset reaches one cache.

    Attributes
    ----------
    source : str
        The cache that it comes from.
    route : tuple of str
        Every cache on the way, source and target included.
    seconds : float
    bytes : int
        Over the links: 0 when the target holds the dataset.
    cost : float
        Currency units.
    """

    source: str
    route: tuple[str, ...]
    seconds: float
    bytes: int
    cost: float


@dataclass(frozen=True, eq=False)
class Transfers:
    """Transfers as columns, one row a question.

    Attributes
    ----------
    source : (n,) int32
        Index of the cache that the dataset comes from; −1 when no cache holds it.
    micros : (n,) int64, microseconds
        0 when it is there already, −1 with no source.
    bytes : (n,) int64
        Over the links: 0 when it is there already, −1 with no source.
    cost : (n,) int64, micro-units
        −1 with no source.
    """

    source: NDArray[np.int32]
    micros: NDArray[np.int64]
    bytes: NDArray[np.int64]
    cost: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.source)


def transfers(
    content: ContentMap, datasets: Iterable[str] | ArrayLike, caches: Iterable[str] | ArrayLike
) -> Transfers:
    """Find the nearest source of each dataset for each cache.

    The source is the holder from which the dataset reaches the cache soonest, by pull-through over the
    lowest common ancestor: time = sum of the latencies + ⌈bytes / slowest link⌉. An exact tie goes to the
    lower cache index.

    Parameters
    ----------
    content : ContentMap
    datasets : (n,) int32 or names
    caches : (n,) int32 or names
        Where each dataset is wanted; for a node, its cache from `CacheTree.nearest_cache`.

    Returns
    -------
    Transfers

    Raises
    ------
    InvalidModel
        An unknown dataset or cache, or columns of unequal length.

    Notes
    -----
    O(log copies + copies looked at · depth) a row, O(depth) when the cache or one above it holds the dataset.
    """
    ids = must_be(content, ContentMap, "content").ids(datasets)
    targets = _indices(content, caches)
    if len(targets) != len(ids):
        raise InvalidModel(
            f"caches: has {len(targets)} rows, datasets has {len(ids)}; give one cache a dataset"
        )
    return Transfers(*content._core.transfers(ids, targets))


def nearest(content: ContentMap, dataset: str | int, cache: str) -> Transfer | None:
    """Find the nearest source of one dataset, with its route; None when no cache holds it.

    Raises
    ------
    InvalidModel
        An unknown dataset or cache.
    """
    found = transfers(content, must_be(content, ContentMap, "content").ids([dataset]), [cache])
    if found.source[0] < 0:
        return None
    source = content.tree.names[found.source[0]]
    return Transfer(
        source=source,
        route=content.tree.route(source, cache),
        seconds=int(found.micros[0]) / MICRO,
        bytes=int(found.bytes[0]),
        cost=int(found.cost[0]) / MICRO,
    )


def _indices(content: ContentMap, caches: Iterable[str] | ArrayLike) -> NDArray[np.int32]:
    tree = content.tree
    names, indices = names_or_column("caches", caches)
    if names is not None:
        return np.array([tree.index(name) for name in names], np.int32)
    bad = np.flatnonzero((indices < 0) | (indices >= len(tree)))
    if bad.size:
        raise InvalidModel(f"caches[{bad[0]}]: {indices[bad[0]]} is not one of 0 … {len(tree) - 1}")
    return indices
