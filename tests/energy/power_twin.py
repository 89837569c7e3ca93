"""The published power model and the two scores, one node at a time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

IDLE_FULL = {"T4": (10, 70), "P100": (25, 250), "G3": (50, 400)}


class State(NamedTuple):
    cpus: int
    free_cpus: int
    model: str
    free: tuple[int, ...]  # milli-GPU


def watts(state: State) -> int:
    cores, idle = -(-state.cpus // 2), state.free_cpus // 2
    sockets, active = -(-cores // 16), -(-(cores - idle) // 16)
    low, high = IDLE_FULL[state.model]
    return 120 * active + 15 * (sockets - active) + sum(high if g < 1000 else low for g in state.free)


def added(state: State, cpus: int, gpus: int, milli: int) -> int:
    """Fewest watts that a fitting task adds."""
    after = []
    if gpus == 1 and milli < 1000:
        for g, free in enumerate(state.free):
            if free >= milli:
                after.append((*state.free[:g], free - milli, *state.free[g + 1 :]))
    else:
        whole = [g for g, free in enumerate(state.free) if free == 1000][:gpus]
        after.append(tuple(0 if g in whole else free for g, free in enumerate(state.free)))
    return min(watts(state._replace(free_cpus=state.free_cpus - cpus, free=f)) for f in after) - watts(state)


def relative(adds: list[int]) -> np.ndarray:
    """The published score of each node that fits."""
    low, high = -max(adds), -min(adds)
    return np.array([1.0 if low == high else (-a - low) * 100 // (high - low) / 100 for a in adds])
