"""What nodes draw, by what they are made of and how much of it is taken."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hal import _core
from hal._doors import must_be
from hal.cluster import Cluster
from hal.errors import InvalidModel

__all__ = ["PUBLISHED_GPUS", "PowerCurve", "PowerModel", "Sleep", "cluster_power"]


@dataclass(frozen=True)
class PowerCurve:
    """Watts by load, piecewise linear between points.

    Parameters
    ----------
    points : sequence of (float, float)
        (load, watts): loads rise from 0 to 1 (kept in thousandths), watts do not fall, 0 … 1 MW.

    Raises
    ------
    InvalidModel
        The points are not so.
    """

    points: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        try:
            points = tuple((float(load), float(watts)) for load, watts in self.points)
        except (TypeError, ValueError):
            raise InvalidModel(f"points = {self.points!r}: must be pairs of load and watts") from None
        object.__setattr__(self, "points", points)
        if len(points) < 2 or points[0][0] != 0 or points[-1][0] != 1:
            raise InvalidModel(f"points = {points!r}: loads must run from 0 to 1")
        for (load, watts), (next_load, next_watts) in itertools.pairwise(points):
            if not (load < next_load and 0 <= watts <= next_watts <= 1e6):
                raise InvalidModel(
                    f"points = {points!r}: loads must rise, and watts be 0 … 1 MW and not fall"
                )

    @classmethod
    def linear(cls, idle: float, full: float) -> PowerCurve:
        """From idle watts to full watts in proportion to the load."""
        return cls(((0, idle), (1, full)))

    @classmethod
    def step(cls, idle: float, full: float) -> PowerCurve:
        """Idle watts at rest, full watts as soon as anything is taken."""
        return cls(((0, idle), (0.001, full), (1, full)))

    def _core_points(self) -> list[tuple[int, int]]:
        return [(round(1000 * load), round(1000 * watts)) for load, watts in self.points]


@dataclass(frozen=True, kw_only=True)
class Sleep:
    """A state that an empty node may fall into.

    Parameters
    ----------
    watts : float
        Drawn by the whole node.
    wake : float
        Seconds that it takes to come back.
    waking : float, optional
        Watts of the whole node until it is back; None: as when it is awake and idle.
    """

    watts: float
    wake: float
    waking: float | None = None

    def __post_init__(self) -> None:
        for name, most in (("watts", 1e6), ("wake", 1e9), ("waking", 1e6)):
            value = getattr(self, name)
            if name == "waking" and value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= most:
                raise InvalidModel(f"sleep.{name} = {value!r}: must be from 0 to {most:g}")


#: Idle and full watts of GPUs. Source: Lettich et al., arXiv 2412.17484; OpenB's names for the anonymous ones.
PUBLISHED_GPUS: Final = {
    "A10": (30, 150),
    "A100": (50, 400),
    "G2": (30, 150),
    "G3": (50, 400),
    "P100": (25, 250),
    "T4": (10, 70),
    "V100": (30, 300),
    "V100M16": (30, 300),
    "V100M32": (30, 300),
}


def _published() -> dict[str, PowerCurve]:
    return {name: PowerCurve.step(idle, full) for name, (idle, full) in PUBLISHED_GPUS.items()}


@dataclass(frozen=True, kw_only=True)
class PowerModel:
    """Power of nodes: sockets of CPUs filled one after another, plus each GPU. Without arguments, as published.

    Parameters
    ----------
    socket : PowerCurve
        One CPU socket by its load. Published: Xeon E5-2682 v4, 15 W idle and 120 W as soon as it is touched.
    cores : int
        Cores of a socket, 1 … 4096.
    threads : int
        CPUs (hardware threads) of a core, 1 … 1000.
    gpus : mapping of str to PowerCurve
        By GPU model. A model that is not named counts as the one with the highest full power.
    sleep : sequence of Sleep
        States of empty nodes; none: they idle.
    most_wake : float
        Seconds; states that wake slower are not entered.

    Raises
    ------
    InvalidModel
        A figure is out of range; the message names it.
    """

    socket: PowerCurve = field(default_factory=lambda: PowerCurve.step(15, 120))
    cores: int = 16
    threads: int = 2
    gpus: Mapping[str, PowerCurve] = field(default_factory=_published)
    sleep: Sequence[Sleep] = ()
    most_wake: float = math.inf

    def __post_init__(self) -> None:
        for name, most in (("cores", 4096), ("threads", 1000)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
                raise InvalidModel(f"{name} = {value!r}: must be a whole number from 1 to {most}")
        if not self.most_wake >= 0:
            raise InvalidModel(f"most_wake = {self.most_wake!r}: must be seconds, 0 or more")
        if not self.gpus:
            raise InvalidModel("gpus = {}: give the curve of at least one model")

    def __hash__(self) -> int:
        return hash((self.socket, self.cores, self.threads, tuple(sorted(self.gpus)), tuple(self.sleep)))

    def _core_model(self) -> _core.PowerModel:
        return _core.PowerModel(
            (self.socket._core_points(), self.cores, 1000 * self.threads),
            {name: curve._core_points() for name, curve in self.gpus.items()},
            [
                (
                    round(1000 * state.watts),
                    round(1e6 * state.wake),
                    -1 if state.waking is None else round(1000 * state.waking),
                )
                for state in self.sleep
            ],
            round(1e6 * min(self.most_wake, 1e9)),
        )


def cluster_power(cluster: Cluster, model: PowerModel | None = None) -> NDArray[np.float64]:
    """Watts of each node as it is now: (nodes,) float64 by node index; 0 for an absent node. O(nodes · GPUs)."""
    milliwatts = (model or PowerModel())._core_model().nodes(must_be(cluster, Cluster, "cluster")._core)
    watts: NDArray[np.float64] = milliwatts / 1000.0
    return watts
