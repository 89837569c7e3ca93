"""TopologyDistance."""

from __future__ import annotations

from hal._validate import settings
from hal.policies._base import Builtin

__all__ = ["TopologyDistance"]


@settings
class TopologyDistance(Builtin):
    """Near the tasks of the same job that are placed already.

    For the weighted middle between nearness and other wishes; a job with a ``gang`` gets the nearest nodes
    without it.

    Assumes: the cluster has a topology. Without one, and for a job's first task, every node is the same.
    Formula: 1 - mean distance to those tasks / distance of the root's level; 0 outside of the tree.
    Cost: O(domains) a task placed and O(1) a node; every node that fits is looked at for each decision.
    Source: mean hop count, as in Mache and Lo, "Dispersal metrics for non-contiguous processor allocation", 1996.
    """

    name = "topology_distance"
