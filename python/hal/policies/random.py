"""Random."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from hal._validate import settings
from hal.policies._base import Builtin

__all__ = ["Random"]


@settings
class Random(Builtin):
    """A uniformly random node among those that fit, and random devices on it; the baseline.

    Assumes: nothing.
    Formula: a hash of the seed, the number of tasks placed so far and the node.
    Cost: O(n) a decision: every node that fits is looked at.
    Source: the baseline of the ATC 2023 GPU study.
    """

    name = "random"
    opt_out: ClassVar[Mapping[str, str]] = {"node_order": "draws lots by node index, so the list decides"}
