"""The models of the simulator, each with its parameters; None switches a model off."""

from __future__ import annotations

from dataclasses import dataclass

from hal._show import show
from hal.energy import PUBLISHED_GPUS, PowerCurve, PowerModel
from hal.errors import InvalidModel
from hal.units import Quantity, seconds

__all__ = ["Contention", "Failures", "Sleeping", "linear_power"]


def _within(field: str, value: object, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise InvalidModel(f"{field} = {show(value)}: must be a number from {low:g} to {high:g}")
    return float(value)


@dataclass(frozen=True, kw_only=True)
class Contention:
    """How much the others on a node slow a task down.

    The crowd that a task meets is ``c = u · (1 − 1/k)``: the load u of the node's fullest resource without its own
    part, for the average of the node's k tasks. It then takes ``1 + strength · ((c − threshold) / (1 − threshold))
    ** exponent`` times as long. All tasks of a node are slowed alike, and a job on several nodes runs at the speed
    of the slowest.

    Parameters
    ----------
    strength : float
        How much longer a task takes among full crowds, 0 … 100. Default 0.5, assumed: half as long again. It depends on
        the jobs; the study looks at half and twice as much too.
    threshold : float
        Crowd up to which nothing is felt, 0 … 0.999.
    exponent : float
        0.1 … 10; above 1, the last part of the load hurts most, as with queues for a shared bus. Default 2, assumed.

    Raises
    ------
    InvalidModel
        A figure is out of range.
    """

    strength: float = 0.5
    threshold: float = 0.0
    exponent: float = 2.0

    def __post_init__(self) -> None:
        _within("contention.strength", self.strength, 0, 100)
        _within("contention.threshold", self.threshold, 0, 0.999)
        _within("contention.exponent", self.exponent, 0.1, 10)

    def _tuple(self) -> tuple[float, float, float]:
        return float(self.strength), float(self.threshold), float(self.exponent)


@dataclass(frozen=True, kw_only=True)
class Sleeping:
    """Empty nodes fall asleep; what is placed on one waits until the node is back.

    While it wakes a node draws what it draws awake, with what is placed there.

    Parameters
    ----------
    after : str or float
        Seconds of emptiness until a node sleeps.
    watts : float
        Of a sleeping node, 0 … 1e6. Default 10: of a node of 240 W, 4 %; Xi et al. (ISLPED 2013) measured 4–6 % of
        nominal power.
    wake : str or float
        Seconds until it is back. Default 30, assumed: between suspend-to-RAM (seconds) and a boot (minutes).

    Raises
    ------
    InvalidModel
        A figure is out of range.
    """

    after: Quantity = "1min"
    watts: float = 10.0
    wake: Quantity = "30s"

    def __post_init__(self) -> None:
        object.__setattr__(self, "after", _span("sleep.after", self.after, 1e9))
        _within("sleep.watts", self.watts, 0, 1e6)
        object.__setattr__(self, "wake", _span("sleep.wake", self.wake, 1e6))

    def _tuple(self) -> tuple[float, float, int]:
        return float(self.after), float(self.wake), round(1000 * self.watts)


@dataclass(frozen=True, kw_only=True)
class Failures:
    """Each node fails at exponentially distributed intervals; what ran there starts anew, its work lost.

    Parameters
    ----------
    mean_between : str or float
        Mean seconds between failures of one node. Default 30 days.
    repair : str or float
        Seconds that a node is down. Default 1 hour.

    Raises
    ------
    InvalidModel
        A figure is out of range.
    """

    mean_between: Quantity = "30d"
    repair: Quantity = "1h"

    def __post_init__(self) -> None:
        object.__setattr__(self, "mean_between", _span("failures.mean_between", self.mean_between, 1e12))
        object.__setattr__(self, "repair", _span("failures.repair", self.repair, 1e9))
        if self.mean_between == 0:
            raise InvalidModel("failures.mean_between = 0: must be above 0; failures=None switches them off")

    def _tuple(self, seed: int) -> tuple[float, float, int]:
        return float(self.mean_between), float(self.repair), seed


def _span(field: str, value: Quantity, most: float) -> float:
    span = seconds(value, field=field)
    if span > most:
        raise InvalidModel(f"{field} = {show(value)}: must be at most {most:g} s")
    return span


def linear_power() -> PowerModel:
    """Power that follows load: linear from idle to full watts of the published table, sockets and GPUs.

    Figures of Lettich et al. (arXiv 2412.17484); their own model draws full watts at any load
    (``hal.energy.PowerModel()``).
    """
    return PowerModel(
        socket=PowerCurve.linear(15, 120),
        gpus={model: PowerCurve.linear(idle, full) for model, (idle, full) in PUBLISHED_GPUS.items()},
    )


def no_power() -> PowerModel:
    """Nodes that draw nothing: the model switched off."""
    nothing = PowerCurve.linear(0, 0)
    return PowerModel(socket=nothing, gpus={"none": nothing})
