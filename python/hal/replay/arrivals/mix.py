"""Which jobs arrive."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from hal._doors import number
from hal._show import show
from hal.errors import InvalidModel
from hal.job_columns import JobColumns
from hal.model import Job
from hal.replay.openb.figures import TASK_SHARES

if TYPE_CHECKING:
    from hal.cluster import Cluster

__all__ = ["Mix"]


class Mix:
    """Kinds of jobs, and how often each comes.

    Parameters
    ----------
    kinds : sequence of (Job, float)
        A prototype (its name, priority and rules are not looked at) and its share; shares need not add up to 1.

    Raises
    ------
    InvalidModel
        There is no kind, or a share is not above 0.

    Examples
    --------
    >>> import hal
    >>> from hal.replay.arrivals import Mix
    >>> mix = Mix([(hal.Job("small", cpus=2), 9), (hal.Job("wide", cpus=8, tasks=4), 1)])
    >>> len(mix)
    2
    """

    def __init__(self, kinds: Sequence[tuple[Job, float]]) -> None:
        if isinstance(kinds, (str, bytes)) or not isinstance(kinds, Iterable):
            raise InvalidModel(f"mix = {show(kinds)}: must be a list of (hal.Job, share)")
        given = list(kinds)
        for index, kind in enumerate(given):
            if not isinstance(kind, tuple) or len(kind) != 2 or not isinstance(kind[0], Job):
                raise InvalidModel(f"mix[{index}] = {show(kind)}: must be a hal.Job and its share")
        self.jobs = [job for job, _ in given]
        shares = np.array([number(share, f"mix[{index}]") for index, (_, share) in enumerate(given)])
        if not self.jobs or not (np.isfinite(shares) & (shares > 0)).all():
            raise InvalidModel(
                f"mix: shares are {show(shares.tolist())}; give one kind or more, above 0 each"
            )
        self.shares: NDArray[np.float64] = shares / shares.sum()

    def __len__(self) -> int:
        return len(self.jobs)

    @classmethod
    def published(cls, cluster: Cluster) -> Self:
        """The most frequent requests of the OpenB trace, those that fit on some node of the cluster.

        On a cluster without GPUs they ask for none. Where none fits, jobs ask for a sixteenth, an eighth and a
        quarter of the largest node.
        """
        columns = cluster.columns
        here = columns.present > 0
        cpu, memory = columns.capacity_cpu[here], columns.capacity_memory[here]
        gpus = columns.gpu_count[here]
        without = not gpus.any()
        kinds = []
        for milli, mib, devices, share, often in TASK_SHARES:
            wanted = 0 if without else devices
            if not ((cpu >= milli) & (memory >= mib) & (gpus >= wanted)).any():
                continue
            part = share / 1000 if wanted and share < 1000 else None
            job = Job("kind", cpus=milli / 1000, memory=mib, gpus=wanted, gpu_share=part)
            kinds.append((job, often))
        if not kinds and cpu.size:
            row = int(cpu.argmax())
            for piece in (16, 8, 4):
                job = Job(
                    "kind", cpus=max(int(cpu[row]) // piece, 1) / 1000, memory=int(memory[row]) // piece
                )
                kinds.append((job, float(piece)))
        return cls(kinds)

    def columns(self, kind: NDArray[np.int32]) -> JobColumns:
        """Jobs of these kinds."""
        tasks = np.array([job.tasks for job in self.jobs], np.int32)
        return JobColumns.from_shapes(kind, self.jobs, tasks=np.ascontiguousarray(tasks[kind]))
