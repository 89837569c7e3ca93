"""GpuPacking."""

from __future__ import annotations

from hal._validate import settings
from hal.policies._base import Builtin

__all__ = ["GpuPacking"]


@settings
class GpuPacking(Builtin):
    """Fill the devices in use first, then idle devices of nodes in use, then idle nodes.

    Assumes: the devices of a node are alike.
    Formula, of 100: a task without GPUs 0; all devices idle: max(33 - idle, idle); else, most used devices first,
    k of them idle: max(50 - k, 33); none idle: max(100 - (sum of floor(g / 10)) / 10, 50) over their free shares g.
    Cost: O(devices log devices) a node that changed, O(log n) a decision.
    Source: the packing policy of the ATC 2023 GPU study (after Gandiva and Antman).
    """

    name = "gpu_packing"
