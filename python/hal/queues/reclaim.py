"""Who gives back what it borrowed."""

from __future__ import annotations

from dataclasses import dataclass

from hal import _core
from hal._doors import must_be
from hal.cluster import Cluster
from hal.model import Job
from hal.queues.order import Wait
from hal.queues.tree import QueueTree

__all__ = ["Reclaim", "reclaim"]


@dataclass(frozen=True, slots=True)
class Reclaim:
    """What to take back so that a job gets what its queue is guaranteed.

    Attributes
    ----------
    enough : bool
        With the victims released, quotas and the cluster's total capacity have room for the job.
    victims : tuple of (job, queue)
        Running jobs to release (``#<id>`` for column jobs), and for each the queue beside the claimant's branch
        that is beyond its guarantee.
    lacking : Wait or None
        When not enough: what is still in the way. An empty queue means the cluster's capacity.
    """

    enough: bool
    victims: tuple[tuple[str, str], ...]
    lacking: Wait | None


def reclaim(tree: QueueTree, cluster: Cluster, job: Job) -> Reclaim:
    """Say which running jobs should give back borrowed share for a job; changes nothing.

    Where the job's branch of the tree and another part, the job's must be within its guarantee with the job, and
    the other's beyond its own in what is short. Furthest beyond its fair share gives first; then lowest priority,
    then the highest id in the books. A branch within its guarantee never gives, so that reclaiming goes in no circles.

    Raises
    ------
    InvalidModel
        The job names no leaf of the tree.

    Notes
    -----
    O(victims · running jobs · depth). Room is counted in sums: whether the job also fits on nodes is for
    ``hal.place`` to say, on a ``cluster.what_if()`` with the victims released.
    """
    core = must_be(cluster, Cluster, "cluster")._core
    enough, victims, block = _core.queue_reclaim(
        must_be(tree, QueueTree, "tree")._core, core, must_be(job, Job, "job")._handle
    )
    return Reclaim(enough, tuple(victims), None if block is None else Wait._of(block))
