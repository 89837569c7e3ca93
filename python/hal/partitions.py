"""GPU instances: what the devices that may be partitioned have left for the profiles that come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hal import _core
from hal._doors import must_be
from hal._show import show
from hal.cluster import Cluster
from hal.errors import InvalidModel
from hal.gpu import PARTITION_TABLES

__all__ = ["fragmentation"]

_PROFILES = sorted({profile for table in PARTITION_TABLES.values() for profile in table})


def profile_counts(value: Any) -> Any:
    """Return ``"any"``, ``"seen"`` or (profile, count) pairs, which compare and hash."""
    if isinstance(value, str) and value in ("any", "seen"):
        return value
    if isinstance(value, tuple):  # as it is kept
        value = dict(value)
    if not isinstance(value, Mapping):
        raise InvalidModel(f'typical = {show(value)}: must be "any", "seen" or counts by profile')
    for profile, count in value.items():
        if profile not in _PROFILES:
            raise InvalidModel(f"typical = {show(value)}: {show(profile)} is none of {', '.join(_PROFILES)}")
        if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= 2**32:
            raise InvalidModel(
                f"typical[{profile!r}] = {show(count)}: must be a whole number from 0 to 2**32"
            )
    if not any(value.values()):
        raise InvalidModel(f"typical = {show(value)}: counts no profile")
    return tuple(sorted(value.items()))


def core_profiles(typical: Any) -> Any:
    """Return what the core takes: the word, or rows with the profile as the one model of each."""
    if isinstance(typical, str):
        return typical
    return [(0, 0, 1, (profile,), count) for profile, count in typical]


def fragmentation(
    cluster: Cluster, typical: Literal["any", "seen"] | Mapping[str, int] = "seen"
) -> NDArray[np.float64]:
    """Milli-GPU of each node that is free and yet of no use to the profile that comes, in expectation.

    For a device with ``free`` memory slices of 8, of which as many instances of profile m as fit could take
    ``usable[m]``, and profiles of popularity p: 125 · (free - Σ p[m] · usable[m]). A profile that the device does not
    offer can use nothing of it. Devices that may not be partitioned, or are taken whole, count 0.

    Parameters
    ----------
    cluster : Cluster
    typical : "seen", "any", or mapping of str to int
        What the cluster has been asked for so far (like "any" when that is nothing), every profile of the device's
        table alike, or counts by profile.

    Returns
    -------
    (nodes,) float64, by node index. O(nodes · GPUs).

    Raises
    ------
    InvalidModel
        An unknown profile, or a count that is not a whole number of 0 or more.

    Notes
    -----
    Source: fragmentation as in Weng et al., "Beware of Fragmentation", USENIX ATC 2023, over profiles instead of
    shares.

    Examples
    --------
    >>> import hal
    >>> cluster = hal.Cluster([hal.Node("n", cpus=8, gpus=hal.gpus(1, "A100", memory="40GiB", mig=True))])
    >>> fragmentation(cluster, {"3g.20gb": 1}).tolist(), fragmentation(cluster, {"1g.5gb": 1}).tolist()
    ([0.0], [125.0])
    """
    milli: NDArray[np.float64] = _core.profile_fragmentation(
        must_be(cluster, Cluster, "cluster")._core, core_profiles(profile_counts(typical))
    )
    return milli
