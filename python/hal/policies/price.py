"""Price."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from hal import _core
from hal.errors import PolicyError

if TYPE_CHECKING:
    from hal.energy import Offer

__all__ = ["Price"]


class Price:
    """The node on which the task costs least.

    Assumes: a task pays for the dominant share of the node that it takes (CPU, memory or GPU).
    Formula: 1 - cost / the highest cost on any node that is large enough; 0 for a node without a price.
    Cost: O(n) for the first task of a shape, then O(log n) a decision.
    Source: dominant shares as in DRF (Ghodsi et al., NSDI 2011).

    Parameters
    ----------
    offers : mapping of str to hal.energy.Offer, or (nodes,) float64
        By node name, or by node index what an hour of useful work costs (NaN: no price).

    Raises
    ------
    PolicyError
        An array of the wrong kind, or a price out of range.
    """

    name: ClassVar[str] = "price"

    def __init__(self, offers: Mapping[str, Offer] | NDArray[np.float64]) -> None:
        if isinstance(offers, np.ndarray):
            names, hourly = [], offers
        else:
            names = list(offers)
            hourly = np.array([offers[name].effective for name in names], np.float64)
        if hourly.ndim != 1 or hourly.dtype != np.float64 or not hourly.size:
            raise PolicyError(f"offers: is {hourly.dtype} of {hourly.shape}, must be float64, one a node")
        known = ~np.isnan(hourly)
        if not ((hourly[known] >= 0) & (hourly[known] <= 1e12)).all():
            raise PolicyError("offers: prices must be 0 … 1e12")
        micro = np.where(known, np.round(np.where(known, hourly, 0) * 1e6), -1).astype(np.int64)
        self._scorer = _core.price_scorer(names, micro)

    def _core_scorer(self) -> _core.Scorer:
        return self._scorer
