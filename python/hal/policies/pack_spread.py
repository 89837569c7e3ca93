"""PackSpread."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from hal._validate import settings
from hal.policies._base import Builtin

__all__ = ["PackSpread"]


@settings
class PackSpread(Builtin):
    """One knob from pack (p = 0) to spread (p = 1).

    A node is best when the task fills its fullest resource to the level 1 - p: below it fuller nodes win, above
    it emptier ones. The level moves continuously with p.

    Assumes: the fullest resource is what crowds a node.
    Formula: 1 - abs(u - (1 - p)), u the largest used / capacity after the task over CPU, memory and GPU share.
    Cost: O(1) a node that changed, O(log n) a decision.
    Source: this project.

    Attributes
    ----------
    p : float
        0 … 1.
    """

    name = "pack_spread"
    p: Annotated[float, Field(ge=0, le=1)] = 0.5
