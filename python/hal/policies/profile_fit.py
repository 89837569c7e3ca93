"""ProfileFit."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from hal._validate import settings
from hal.partitions import core_profiles, profile_counts
from hal.policies._base import Builtin

__all__ = ["ProfileFit"]


@settings
class ProfileFit(Builtin):
    """The node, and the device, that lose the least room for the GPU instances that come.

    Assumes: what comes asks for the profiles as often as `typical` says.
    Formula: 1 - lost / (room of an empty device + 1), where room is the memory slices that instances of a profile could
    take, as many as fit, summed over the profiles by their counts, and lost is room before less after; of equals the
    fullest device. Between two nodes that is the growth of fragmentation (`hal.partitions.fragmentation`).
    Cost: O(devices) a node that changed, O(log n) a decision.
    Source: fragmentation as in Weng et al., USENIX ATC 2023, over profiles instead of shares.

    Attributes
    ----------
    typical : "any", "seen", or mapping of str to int
        Every profile of a device alike; what the cluster has been asked for so far; or counts by profile, kept as
        sorted pairs.
    """

    name = "profile_fit"
    typical: Annotated[
        Literal["any", "seen"] | tuple[tuple[str, int], ...], BeforeValidator(profile_counts)
    ] = "any"

    def _parameters(self) -> dict[str, Any]:
        return {"typical": core_profiles(self.typical)}
