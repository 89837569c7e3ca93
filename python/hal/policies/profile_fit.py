"""ProfileFit."""

from __future__ import annotations

from hal._validate import settings
from hal.policies._base import Builtin

__all__ = ["ProfileFit"]


@settings
class ProfileFit(Builtin):
    """The node whose best device loses the least room for GPU instances.

    Assumes: every profile of a device's table is as likely to be asked for.
    Formula: 1 - lost / (room of an empty device + 1), where room is the memory slices that instances could still
    take, summed over the profiles, and lost is room before less after; of equals the fullest device.
    Cost: O(devices) a node that changed, O(log n) a decision.
    Source: fragmentation as in Weng et al., USENIX ATC 2023, over profiles instead of shares.
    """

    name = "profile_fit"
