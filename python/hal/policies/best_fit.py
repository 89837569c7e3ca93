"""BestFit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from hal._validate import settings
from hal.policies._base import Scaled

__all__ = ["BestFit"]


@settings
class BestFit(Scaled):
    """The node with the least left over after the task.

    Assumes: amounts of different resources compare after division by the largest node's.
    Formula: 1 - sum_r w_r (free_r - request_r) / scale_r / sum_r w_r over CPU, memory and GPU share.
    Cost: O(1) a node that changed, O(log n) a decision.
    Source: Protean (OSDI 2020); as in the ATC 2023 GPU study with weight_memory=0, scale_cpu=128000,
    scale_gpu=8000, steps=100.
    """

    name = "best_fit"
    monotone: ClassVar[Mapping[str, str]] = dict.fromkeys(("free_cpu", "free_memory", "free_gpu"), "falling")
