"""Measured."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from hal import _core
from hal._show import show
from hal.errors import PolicyError

__all__ = ["Measured"]


class Measured:
    """The node that is measured to do least: by load, watts, or any other figure that is better when low.

    Assumes: a task meets, or adds to, what is measured in the dominant share that it takes of its node.
    Formula: 1 - value · share / the most on any node that is large enough; 0 for a node without a value.
    Cost: O(n) for the first task of a shape, then O(log n) a decision.
    Source: load-aware scoring, as in Kubernetes' Trimaran plugins.

    Parameters
    ----------
    values : mapping of str to float
        By node name, 0 … 1e12, such as `hal.energy.Readings.load`. A scorer is of one moment; make another later.

    Raises
    ------
    PolicyError
        No value, or one out of range.

    Examples
    --------
    >>> import hal
    >>> cluster = hal.Cluster([hal.Node("busy", cpus=64), hal.Node("calm", cpus=64)])
    >>> policy = hal.Policy({hal.policies.Measured({"busy": 0.9, "calm": 0.2}): 1})
    >>> hal.place(cluster, hal.Job("j", cpus=8), policy)[0].nodes
    ('calm',)
    """

    name = "measured"

    def __init__(self, values: Mapping[str, float]) -> None:
        if not values:
            raise PolicyError("values: is empty; give a figure by node name")
        for node, value in values.items():
            if isinstance(value, bool) or not math.isfinite(value) or not 0 <= value <= 1e12:
                raise PolicyError(f"values[{node!r}] = {show(value)}: must be from 0 to 1e12")
        whole = np.array([round(value * 1e6) for value in values.values()], dtype=np.int64)
        self._scorer = _core.price_scorer(list(values), whole)

    def _core_scorer(self) -> _core.Scorer:
        return self._scorer
