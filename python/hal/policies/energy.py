"""Energy and Power."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from hal import _core
from hal._validate import settings
from hal.energy.power_model import PowerModel
from hal.policies._base import Builtin

__all__ = ["Energy", "Power"]


@settings
class Energy(Builtin):
    """The node on which the task adds the least power.

    Assumes: a power model of the nodes; empty nodes may sleep, and waking one costs energy and time.
    Formula: 1 - w / the most that w could be anywhere, w the watts that the task adds, on a sleeping node with those of
    being awake and with wake / run · (watts drawn while it wakes, beyond sleeping, + delay · the most watts that the
    task could add anywhere).
    Cost: O(devices) a node that changed, O(log n) a decision.
    Source: Lettich et al., arXiv 2412.17484, with a scale that does not depend on the other nodes; waking is ours.

    Attributes
    ----------
    model : hal.energy.PowerModel, optional
        Default: the published figures, where no node sleeps.
    run : float
        Seconds that a task typically runs, 1e-3 … 1e9: what waking takes counts for so long a run.
    delay : float
        What a second of waiting for a node to wake is worth, 0 … 1000: a second of the most watts that the task could
        add anywhere is 1.
    """

    name = "energy"
    model: PowerModel | None = None
    run: Annotated[float, Field(ge=1e-3, le=1e9)] = 3600.0
    delay: Annotated[float, Field(ge=0, le=1000)] = 1.0

    def _core_scorer(self) -> _core.Scorer:
        return _core.energy_scorer(
            (self.model or PowerModel())._core_model(),
            self.name == "power",
            round(1e6 * self.run),
            round(1000 * self.delay),
        )


@settings
class Power(Energy):
    """The node on which the task adds the least power, scaled over the nodes that fit: PWR as published.

    Assumes: as Energy; where nodes sleep, waking one counts as it does there.
    Formula: floor(100 (w - w_min) / (w_max - w_min)) / 100, w minus the added watts, whole watts; 1 when all are
    equal.
    Cost: O(n) a decision: every node that fits is looked at.
    Source: Lettich et al., arXiv 2412.17484.
    """

    name = "power"
