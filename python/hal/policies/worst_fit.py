"""WorstFit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from hal._validate import settings
from hal.policies._base import Scaled

__all__ = ["WorstFit"]


@settings
class WorstFit(Scaled):
    """The node with the most left over after the task.

    Assumes: amounts of different resources compare after division by the largest node's.
    Formula: 1 - best_fit.
    Cost: O(1) a node that changed, O(log n) a decision.
    Source: Johnson, "Near-optimal bin packing algorithms", MIT 1973.
    """

    name = "worst_fit"
    monotone: ClassVar[Mapping[str, str]] = dict.fromkeys(("free_cpu", "free_memory", "free_gpu"), "rising")
