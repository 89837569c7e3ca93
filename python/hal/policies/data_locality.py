"""DataLocality."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from hal import _core
from hal._show import show
from hal.errors import PolicyError

if TYPE_CHECKING:
    from hal.data import ContentMap

__all__ = ["DataLocality"]


class DataLocality:
    """The node that the task's inputs reach soonest, or cheapest.

    Assumes: each node reads through one cache; a missing input is pulled from its nearest source, one input after
    another. An input that no cache holds says nothing.
    Formula: (T_worst - T) / T_worst, T the sum of the inputs' transfer time (or cost) to the node's cache and
    T_worst the largest over the nodes' caches; 1 where all are equal, 0 for a node without a cache.
    Cost: O(caches × inputs) for the first task of a shape, then O(log n) a decision; anew when the contents change.
    Source: the locality levels of delay scheduling (Zaharia et al., EuroSys 2010), with seconds for levels.

    Parameters
    ----------
    content : hal.data.ContentMap
        Followed: decisions see its events. Do not feed it while a placement runs that must be repeatable.
    caches : mapping of str to str, or (nodes,) int32, optional
        The nearest cache of each node: by names, or by node index as indices in the tree, −1 for none. Default: the
        ``nodes`` of the tree's caches.
    value : {"seconds", "money"}

    Raises
    ------
    PolicyError
        ``value`` is neither.
    InvalidModel
        A cache is not in the tree.
    """

    name: ClassVar[str] = "data_locality"

    def __init__(
        self,
        content: ContentMap,
        *,
        caches: Mapping[str, str] | NDArray[np.int32] | None = None,
        value: Literal["seconds", "money"] = "seconds",
    ) -> None:
        if value not in ("seconds", "money"):
            raise PolicyError(f"value = {show(value)}: must be 'seconds' or 'money'")
        names: list[str] = []
        if isinstance(caches, np.ndarray):
            rows = np.ascontiguousarray(caches)
            if rows.dtype != np.int32 or rows.ndim != 1 or not rows.size:
                raise PolicyError(f"caches: is {rows.dtype} of {rows.shape}, must be int32, one a node")
        else:
            near = content.tree.nodes if caches is None else caches
            names = list(near)
            rows = np.array([content.tree.index(near[name]) for name in names], np.int32)
        self._scorer = _core.data_locality(content._core, names, rows, value == "money")

    def _core_scorer(self) -> _core.Scorer:
        return self._scorer
