"""FirstFit."""

from __future__ import annotations

from hal._validate import settings
from hal.policies._base import Builtin

__all__ = ["FirstFit"]


@settings
class FirstFit(Builtin):
    """The first node, in index (or seeded tie) order, on which the task fits.

    Assumes: nothing.
    Formula: 1 on every node, so that the tie-break decides.
    Cost: O(log n) a decision.
    Source: Johnson, "Near-optimal bin packing algorithms", MIT 1973.
    """

    name = "first_fit"
