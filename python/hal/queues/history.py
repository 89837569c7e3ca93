"""Past use, forgotten by half every half-life."""

from __future__ import annotations

from hal import _core
from hal._doors import must_be
from hal.model import Job
from hal.queues.amounts import human_amounts
from hal.queues.tree import QueueTree

__all__ = ["History"]


class History:
    """What the queues of a tree used until now, the recent past weighing most.

    Its average of a queue is the use over all the past, weighted by ``2 ** (-age / half_life)``: a queue that has
    always used 8 GPUs has 8, and one half-life after it stopped 4.

    Parameters
    ----------
    tree : QueueTree
    half_life : float
        Seconds, above 0. Default: 7 days, as Slurm's.

    Raises
    ------
    InvalidModel
        ``half_life`` is not a positive number.
    """

    __slots__ = ("_core",)

    def __init__(self, tree: QueueTree, *, half_life: float = 7 * 86400) -> None:
        self._core = _core.UseHistory(must_be(tree, QueueTree, "tree")._core, half_life)

    def record(self, job: Job, *, start: float, end: float) -> None:
        """Note that a job ran from ``start`` to ``end``, in seconds of any one clock. O(depth).

        A share of a GPU asked for by memory is not counted, as its size depends on the device.

        Raises
        ------
        InvalidModel
            The job names no leaf of the tree, or the times are no period.
        """
        must_be(job, Job, "job")
        amounts = [
            ("cpu", job.cpu_milli * job.tasks),
            ("memory", job.memory_mib * job.tasks),
            ("gpu", int(job.gpus) * job.gpu_milli * job.tasks),
            *((name, int(amount) * job.tasks) for name, amount in job.resources.items()),
        ]
        self._core.record(job.queue, amounts, start, end)

    def average(self, queue: str, *, now: float) -> dict[str, float]:
        """Weighted mean of what the queue and all below it used, by resource.

        Raises
        ------
        InvalidModel
            The queue is unknown, or ``now`` is before the end of a recorded job.
        """
        return human_amounts(self._core.average(queue, now))
