"""Policies as the published experiment configures them."""

from __future__ import annotations

import dataclasses

from hal import policies
from hal.policies import BestFit, DotProduct, GpuClustering
from hal.policy import Policy
from hal.replay.openb.trace import Tasks

__all__ = ["published_policy"]


def published_policy(text: str, tasks: Tasks, *, seed: int) -> Policy:
    """Return the policy that ``text`` names, with the published parameters where the experiment fixes some.

    The study scales by 128 CPUs and 8 GPUs, looks at CPU and GPU alone, truncates scores to 1/100, and gives FGD the
    typical tasks of the uninflated trace. Scorers with a parameter ``typical`` left at ``"seen"`` get those as well.

    Raises
    ------
    PolicyError
        As `hal.policies.get`.
    """
    asked = policies.get(text)
    typical = tuple(tasks.typical(coverage=1))
    scorers = {_fixed(scorer, typical): weight for scorer, weight in asked.scorers.items()}
    return Policy(scorers, filters=asked.filters, name=asked.name, seed=seed, tie_seed=asked.tie_seed)


def _fixed(scorer: object, typical: tuple[policies.TypicalTask, ...]) -> object:
    if scorer == BestFit():
        return BestFit(weight_memory=0, scale_cpu=128_000, scale_gpu=8000, steps=100)
    if scorer == DotProduct():
        return DotProduct(weight_memory=0, scale_cpu=128_000, scale_gpu=8000, steps=100)
    if scorer == GpuClustering():
        return GpuClustering(scale_gpu=8000)
    if getattr(scorer, "typical", None) == "seen":
        made: object = dataclasses.replace(scorer, typical=typical)  # type: ignore[type-var]  # is a dataclass
        return made
    return scorer
