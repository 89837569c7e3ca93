"""Carbon."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from hal import _core
from hal._show import show
from hal.errors import PolicyError

if TYPE_CHECKING:
    from hal.energy import CarbonIntensity

__all__ = ["Carbon"]


class Carbon:
    """The node on which the electricity for the task emits least, at a given time.

    Assumes: a task answers for the dominant share of its node's power (CPU, memory or GPU).
    Formula: 1 - grams an hour / the most grams an hour on any node that is large enough; 0 for a node without a grid.
    Cost: O(n) for the first task of a shape, then O(log n) a decision.
    Source: carbon-aware placement across grids, as in Let's Wait Awhile (Wiesner et al., Middleware 2021), in space.

    Parameters
    ----------
    grids : mapping of str to hal.energy.CarbonIntensity
        By node name: the grid that feeds it.
    at : float
        Seconds on the clock of the grids: when the task would start. A scorer is of one moment; make another later.
    seconds : float
        How long tasks run, 0 or more: their grids' mean over that time counts. 0: the value at the start.
    watts : float or mapping of str to float
        Of each whole node, or by name; above 0, at most 1e6.

    Raises
    ------
    PolicyError
        No grid, or a number out of range.

    Examples
    --------
    >>> import hal
    >>> from hal.energy import CarbonIntensity
    >>> solar = CarbonIntensity([0, 8 * 3600, 18 * 3600], [450.0, 80.0, 450.0])
    >>> hydro = CarbonIntensity([0], [120.0])
    >>> cluster = hal.Cluster([hal.Node("desert", cpus=64), hal.Node("fjord", cpus=64)])
    >>> grids = {"desert": solar, "fjord": hydro}
    >>> for hour in (3, 12):
    ...     policy = hal.Policy({hal.policies.Carbon(grids, at=hour * 3600): 1})
    ...     print(hal.place(cluster, hal.Job("j", cpus=8), policy)[0].nodes)
    ('fjord',)
    ('desert',)
    """

    name: ClassVar[str] = "carbon"

    def __init__(
        self,
        grids: Mapping[str, CarbonIntensity],
        *,
        at: float,
        seconds: float = 0.0,
        watts: float | Mapping[str, float] = 1000.0,
    ) -> None:
        if not grids:
            raise PolicyError("grids: is empty; give a CarbonIntensity by node name")
        if not np.isfinite(at) or not (np.isfinite(seconds) and seconds >= 0):
            raise PolicyError(f"at = {at}, seconds = {seconds}: must be finite, and seconds 0 or more")
        micrograms = []
        for node, grid in grids.items():
            power = watts.get(node) if isinstance(watts, Mapping) else watts
            if power is None or not 0 < power <= 1e6:
                raise PolicyError(f"watts of {node!r} = {show(power)}: must be above 0 and at most 1e6")
            if seconds > 0:
                hourly = grid.emissions(power, at, at + seconds) * 3600 / seconds
            else:
                hourly = float(grid.at(at)) * power / 1000
            if not hourly <= 1e12:
                raise PolicyError(f"grids[{node!r}]: emits {hourly:g} g an hour; must be at most 1e12")
            micrograms.append(round(hourly * 1e6))
        self._scorer = _core.price_scorer(list(grids), np.array(micrograms, dtype=np.int64))

    def _core_scorer(self) -> _core.Scorer:
        return self._scorer
