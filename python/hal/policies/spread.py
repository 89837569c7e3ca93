"""Spread."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from hal._validate import settings
from hal.policies._base import Builtin

__all__ = ["Spread"]


@settings
class Spread(Builtin):
    """The least loaded node: ``pack_spread`` with p = 1.

    Assumes: the fullest resource is what crowds a node.
    Formula: 1 - u, u the largest used / capacity after the task over CPU, memory and GPU share.
    Cost: O(1) a node that changed, O(log n) a decision.
    Source: the usual spreading of web schedulers.
    """

    name = "spread"
    monotone: ClassVar[Mapping[str, str]] = dict.fromkeys(("free_cpu", "free_memory", "free_gpu"), "rising")
