"""DotProduct."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from hal._validate import settings
from hal.policies._base import Scaled

__all__ = ["DotProduct"]


@settings
class DotProduct(Scaled):
    """The node whose free resources point least along the request, keeping what is plentiful for who needs it.

    Assumes: amounts of different resources compare after division by the largest node's.
    Formula: 1 - sum_r w_r (free_r / scale_r)(request_r / scale_r) / sum_r w_r over CPU, memory and GPU share.
    Cost: O(1) a node that changed, O(log n) a decision.
    Source: Tetris (SIGCOMM 2014), as configured in the ATC 2023 GPU study.
    """

    name = "dot_product"
    monotone: ClassVar[Mapping[str, str]] = dict.fromkeys(("free_cpu", "free_memory", "free_gpu"), "falling")
