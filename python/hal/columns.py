"""A cluster's live columns as numpy views."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Columns"]


class Columns:
    """Read-only numpy views of a cluster's live columns, without copies; index = node index.

    What a node has lies side by side, so most of them have a stride; `numpy.ascontiguousarray` copies one
    into one piece.

    Attributes
    ----------
    free_cpu, capacity_cpu : (n,) int64, milli-CPU
    free_memory, capacity_memory : (n,) int64, MiB
    gpu_free : (devices,) int32, milli-GPU; the devices of node i are ``gpu_free[gpu_begin[i]:][:gpu_count[i]]``
    gpu_begin : (n,) int64
    gpu_total_free : (n,) int32, milli-GPU
    gpu_count : (n,) int32
    tasks : (n,) uint32, tasks that run there
    present : (n,) uint8, 0 where a node was removed
    """

    __slots__ = ("_core",)

    def __init__(self, core: Any) -> None:
        self._core = core

    def __getattr__(self, name: str) -> NDArray[Any]:
        if name not in _COLUMNS:
            raise AttributeError(f"no column {name!r}; there are {', '.join(sorted(_COLUMNS))}")
        column: NDArray[Any] = self._core.column(name)
        return column

    def free(self, resource: str) -> NDArray[np.int64]:
        """Free amount of an extended resource on every node, (n,) int64."""
        column: NDArray[np.int64] = self._core.column(f"free_{resource}")
        return column

    def capacity(self, resource: str) -> NDArray[np.int64]:
        """Capacity of an extended resource on every node, (n,) int64."""
        column: NDArray[np.int64] = self._core.column(f"capacity_{resource}")
        return column


_COLUMNS = frozenset(
    {
        "free_cpu",
        "capacity_cpu",
        "free_memory",
        "capacity_memory",
        "gpu_free",
        "gpu_begin",
        "gpu_count",
        "gpu_total_free",
        "present",
        "tasks",
    }
)
