"""Energy and Power."""

from __future__ import annotations

from hal import _core
from hal._validate import settings
from hal.energy.power_model import PowerModel
from hal.policies._base import Builtin

__all__ = ["Energy", "Power"]


@settings
class Energy(Builtin):
    """The node on which the task adds the least power.

    Assumes: a power model of the nodes; empty nodes may sleep, and waking one counts.
    Formula: 1 - added watts / the most watts that the task could add anywhere.
    Cost: O(devices) a node that changed, O(log n) a decision.
    Source: Lettich et al., arXiv 2412.17484, with a scale that does not depend on the other nodes.

    Attributes
    ----------
    model : hal.energy.PowerModel, optional
        Default: the published figures.
    """

    name = "energy"
    model: PowerModel | None = None

    def _core_scorer(self) -> _core.Scorer:
        return _core.energy_scorer((self.model or PowerModel())._core_model(), self.name == "power")


@settings
class Power(Energy):
    """The node on which the task adds the least power, scaled over the nodes that fit: PWR as published.

    Assumes: as Energy.
    Formula: floor(100 (w - w_min) / (w_max - w_min)) / 100, w minus the added watts, whole watts; 1 when all are
    equal.
    Cost: O(n) a decision: every node that fits is looked at.
    Source: Lettich et al., arXiv 2412.17484.
    """

    name = "power"
