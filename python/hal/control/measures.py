"""What a controller may steer by, by name: a signal, or a figure made of several."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Final

from hal._show import show
from hal.control.contract import Reading
from hal.errors import InvalidModel

__all__ = ["MEASURES", "crowding", "measure_of"]


def crowding(signals: Reading) -> float:
    """Load of the node that an average unit of work sits on, in [0, 1].

    With loads u of n nodes that is sum(u^2) / sum(u), and with sigma = sum(u)^2 / (n sum(u^2)) it is mean(u) / sigma:
    the utilisation if load is even, and 1 when it sits on as few nodes as can hold it.
    """
    return min(signals.utilisation / signals.sigma, 1.0) if signals.sigma > 0 else 0.0


MEASURES: Final[dict[str, Callable[[Reading], float]]] = {
    "crowding": crowding,
    **{
        name: attrgetter(name)
        for name in (
            "sigma",
            "entropy",
            "drift",
            "potential",
            "fragmentation",
            "stranded",
            "blocking",
            "oldest_gang",
            "utilisation",
            "pending",
            "pending_work",
        )
    },
}


def measure_of(name: object) -> Callable[[Reading], float]:
    """Return the function of that name; raise `InvalidModel` if there is none."""
    if not isinstance(name, str) or name not in MEASURES:
        raise InvalidModel(f"signal = {show(name)}: must be one of {', '.join(MEASURES)}")
    return MEASURES[name]
