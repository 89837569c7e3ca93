"""What the signals are."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hal._show import show
from hal.errors import InvalidModel

__all__ = ["Signals", "Weights"]


@dataclass(frozen=True, slots=True)
class Signals:
    """A cluster's signals at one moment. How each is computed, and what moves it: ``docs/explanation/signals.md``.

    Attributes
    ----------
    time : float
        Seconds, on the clock of whoever reads.
    sigma : float
        σ, coherence: how evenly load is spread over the nodes, in [0, 1]; 1 is perfectly even, 1/n all on one node.
    entropy : float
        H: diversity of task classes on a node, averaged by load, in [0, 1].
    drift : float
        δ: growth of the pending work, in shares of the cluster's capacity a second, smoothed.
    potential : float
        Φ: 0 at rest, growing with unevenness, monotony, drift and stranded capacity.
    fragmentation : float
        Share of the free GPU capacity that lies on devices of which something is taken, in [0, 1].
    stranded : float
        Share of a node's capacity that is free, but not in proportion to what else is free there, in [0, 1].
    blocking : float
        Capacity that is free although work of that amount waits, as a share of the cluster's, in [0, 1].
    oldest_gang : float
        Seconds that the longest-waiting job with several tasks has waited; 0 when none waits.
    utilisation : float
        Used share of the resource that is used most, in [0, 1].
    pending : int
        Jobs that wait.
    pending_work : float
        What waiting jobs ask for, as a share of the cluster's capacity of the resource they ask for most.
    """

    time: float = 0.0
    sigma: float = 1.0
    entropy: float = 0.0
    drift: float = 0.0
    potential: float = 0.0
    fragmentation: float = 0.0
    stranded: float = 0.0
    blocking: float = 0.0
    oldest_gang: float = 0.0
    utilisation: float = 0.0
    pending: int = 0
    pending_work: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Weights of the potential's squares, each 0 … 1e6.

    Parameters
    ----------
    unevenness, monotony, drift, waste : float
        Of utilisation · (1 − σ), utilisation · (1 − H), τ · max(δ, 0), and the stranded share.

    Raises
    ------
    InvalidModel
        A weight is out of range.
    """

    unevenness: float = 1.0
    monotony: float = 0.25
    drift: float = 1.0
    waste: float = 1.0

    def __post_init__(self) -> None:
        for name in ("unevenness", "monotony", "drift", "waste"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1e6:
                raise InvalidModel(f"weights.{name} = {show(value)}: must be a number from 0 to 1e6")

    def _tuple(self) -> tuple[float, float, float, float]:
        return float(self.unevenness), float(self.monotony), float(self.drift), float(self.waste)


def half_life_of(value: object) -> float:
    """Return the half-life in seconds; above 0, at most 1e9."""
    from hal.units import seconds

    span = seconds(value, field="half_life")  # type: ignore[arg-type]  # checked by seconds itself
    if not 0 < span <= 1e9:
        raise InvalidModel(f'half_life = {show(value)}: must be above 0 and at most 1e9 s, such as "5min"')
    return span


def clock(now: object) -> float:
    """Return a time that the core takes: finite seconds."""
    if isinstance(now, bool) or not isinstance(now, (int, float)) or not math.isfinite(now):
        raise InvalidModel(f"now = {show(now)}: must be finite seconds")
    return float(now)
