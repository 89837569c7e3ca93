"""What a scorer or filter written in Python sees: one request, and columns of the nodes it fits on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Candidates", "Request"]


class Request:
    """What one task asks for, in base units.

    Attributes
    ----------
    cpu : int, milli-CPU
    memory : int, MiB
    gpus : int, devices
    gpu_milli : int, share of each device; 0 without GPUs, or when ``gpu_memory`` decides it
    gpu_memory : int, MiB
    gpu_models : tuple of str, empty: any
    resources : dict of str to int
    """

    __slots__ = ("cpu", "gpu_memory", "gpu_milli", "gpu_models", "gpus", "memory", "resources")

    def __init__(self, shape: Any) -> None:
        self.cpu, self.memory, self.gpus, self.gpu_milli, self.gpu_memory, models, extended, *_ = (
            shape.state()
        )
        self.gpu_models = tuple(models)
        self.resources = dict(extended)


class Candidates:
    """Nodes on which a task fits, as columns of equal length k, gathered when first read.

    Attributes
    ----------
    index : (k,) uint32, node index
    free_cpu, capacity_cpu : (k,) int64, milli-CPU
    free_memory, capacity_memory : (k,) int64, MiB
    gpu_count : (k,) int32, devices
    gpu_total_free : (k,) int32, milli-GPU over all devices
    gpu_max_free : (k,) int32, milli-GPU of the freest device
    tasks : (k,) uint32, tasks that run there
    """

    __slots__ = ("_column", "index")

    def __init__(self, column: Callable[[str], NDArray[Any]], index: NDArray[np.uint32]) -> None:
        self._column = column
        self.index = index

    def __len__(self) -> int:
        return self.index.size

    def __getattr__(self, name: str) -> NDArray[Any]:
        gathered: NDArray[Any] = self._column(name)[self.index]
        return gathered

    def free(self, resource: str) -> NDArray[np.int64]:
        """Free amount of an extended resource, (k,) int64."""
        return self.__getattr__(f"free_{resource}")

    def capacity(self, resource: str) -> NDArray[np.int64]:
        """Capacity of an extended resource, (k,) int64."""
        return self.__getattr__(f"capacity_{resource}")

    def gpu_idle(self) -> NDArray[np.int64]:
        """Devices that nothing runs on, (k,) int64."""
        return self._column("gpu_idle")[self.index].astype(np.int64)
