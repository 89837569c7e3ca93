"""The peer: best fit over numpy columns, every node looked at for every job, in whole-array steps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hal.replay.openb import Tasks


class NumpyBestFit:
    """Places one job at a time; the same rule, ties and devices as `BestFit()`, or as `workload.OPENB`."""

    def __init__(self, nodes: dict[str, np.ndarray], tasks: Tasks, *, truncated: bool = False) -> None:
        self.truncated = truncated
        self.cpu, self.memory = nodes["cpu_milli"].copy(), nodes["memory_mib"].copy()
        count = nodes["gpu_count"]
        self.gpus = np.where(np.arange(8) < count[:, None], 1000, 0)
        self.free = self.gpus.sum(axis=1)
        self.largest = self.gpus.max(axis=1)
        self.idle = count.astype(np.int64)
        self.scales = [float(column.max()) for column in (self.cpu, self.memory, self.free)]
        self.tasks = tasks
        models = np.array(nodes["models"])[nodes["gpu_model"]]
        self.allowed = [np.isin(models, allowed) if allowed else None for allowed in tasks.model_sets]

    def place(self, rows: NDArray[np.int64]) -> NDArray[np.int32]:
        """Node of each job, -1 where it does not fit."""
        out = np.full(rows.size, -1, dtype=np.int32)
        tasks = self.tasks
        requests = zip(
            tasks.cpu[rows].tolist(),
            tasks.memory[rows].tolist(),
            tasks.gpus[rows].tolist(),
            tasks.gpu_milli[rows].tolist(),
            tasks.gpu_models[rows].tolist(),
            strict=True,
        )
        for job, (cpu, memory, gpus, share, models) in enumerate(requests):
            fits = (self.cpu >= cpu) & (self.memory >= memory)
            if gpus:
                fits &= self.idle >= gpus if share == 1000 else self.largest >= share
                if self.allowed[models] is not None:
                    fits &= self.allowed[models]
            nodes = np.flatnonzero(fits)
            if not nodes.size:
                continue
            node = nodes[self._best(nodes, cpu, gpus * share)]
            out[job] = node
            self._take(node, cpu, memory, gpus, share)
        return out

    def _best(self, nodes: NDArray[np.int64], cpu: int, milli: int) -> np.intp:
        if self.truncated:
            left = (self.cpu[nodes] - cpu) + 16 * (self.free[nodes] - milli)
            return np.argmax(100 * (256_000 - left) // 256_000)
        # What is free decides: the request is the same for all nodes. In steps of 2^-30, as hal has it.
        cpus, memory, gpus = self.scales
        free = (self.cpu[nodes] / cpus + self.memory[nodes] / memory + self.free[nodes] / gpus) / 3
        return np.argmin((free * 2**30 + 0.5).astype(np.int64))

    def _take(self, node: int, cpu: int, memory: int, gpus: int, share: int) -> None:
        self.cpu[node] -= cpu
        self.memory[node] -= memory
        if not gpus:
            return
        row = self.gpus[node]
        fitting = np.flatnonzero(row >= share)
        chosen = fitting[np.argsort(row[fitting], kind="stable")[:gpus]]
        row[chosen] -= share
        self.free[node] -= gpus * share
        self.largest[node] = row.max()
        self.idle[node] = np.count_nonzero(row == 1000)
