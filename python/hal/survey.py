"""``hal.survey``: what one task of a job would find on every node."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hal import _core
from hal._doors import must_be
from hal.cluster import Cluster, core_of
from hal.model import Job
from hal.place import resolve
from hal.policy import Policy

__all__ = ["Survey", "survey"]


@dataclass(frozen=True, eq=False)
class Survey:
    """Every node's answer, in the order of `Cluster.node_names`.

    Attributes
    ----------
    score : (nodes,) float64
        Higher is better; NaN where a task does not fit.
    reason : (nodes,) int32
        Why it does not fit, an index into `reasons`; -1 where it fits.
    reasons : tuple of str
    lasts : (nodes,) bool
        Where it does not fit, and would not if nothing ran there: nothing that ends or is stopped mends that.
    """

    score: NDArray[np.float64]
    reason: NDArray[np.int32]
    reasons: tuple[str, ...]
    lasts: NDArray[np.bool_]


def survey(cluster: Cluster, job: Job, policy: Policy | str = "best_fit") -> Survey:
    """Say for every node whether a task of a job fits there now, how well, and why not.

    For schedulers that choose by themselves among nodes and ask what hal thinks of each. `hal.place` chooses, and
    looks at far fewer nodes.

    Parameters
    ----------
    cluster : Cluster
        Left as it is.
    job : Job
        Its first task is looked at; quotas are not.
    policy : Policy or str

    Raises
    ------
    PolicyError
        The policy is unknown, or failed while it scored.

    Notes
    -----
    O(nodes).

    Examples
    --------
    >>> import hal
    >>> cluster = hal.Cluster([hal.Node("n1", cpus=8), hal.Node("n2", cpus=4)])
    >>> told = hal.survey(cluster, hal.Job("a", cpus=6))
    >>> told.reason.tolist(), told.reasons
    ([-1, 0], ('insufficient cpu',))
    """
    decided = resolve(policy, None)
    score, reason, reasons, lasts = _core.survey(
        core_of(cluster), must_be(job, Job, "job")._handle, decided._core
    )
    return Survey(score, reason, tuple(reasons), lasts.view(np.bool_))
