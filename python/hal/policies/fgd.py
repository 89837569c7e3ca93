"""Fgd."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from hal._validate import settings
from hal.policies._base import Builtin
from hal.policies.typical import Typical, core_typical, typical_tasks

__all__ = ["Fgd"]


@settings
class Fgd(Builtin):
    """Fragmentation gradient descent: the node, and the device, where the task makes the least new fragmentation.

    Assumes: what comes resembles the typical tasks.
    Formula: floor(100 S((F_before - F_after) / 1000)) / 100, S the logistic function and F the GPU share of a
    node that a typical task cannot use, averaged over them. The rounding matters: it lets the tie-break pack.
    Cost: O(1) a node that changed and different free share, O(log n) a decision.
    Source: Weng et al., "Beware of Fragmentation", USENIX ATC 2023.

    Attributes
    ----------
    typical : "seen" or sequence of TypicalTask or of Job
        What comes: what the cluster has been asked for so far, or given classes (those of a trace are
        ``hal.replay.openb.read_tasks(path).typical(coverage=1)``), or a sample of jobs.
    coverage : float
        Share of the counts that the most frequent classes must cover, 0.01 … 1.
    """

    name = "fgd"
    typical: Annotated[Typical, BeforeValidator(typical_tasks)] = "seen"
    coverage: Annotated[float, Field(ge=0.01, le=1)] = 0.95

    def _parameters(self) -> dict[str, Any]:
        return {"typical": core_typical(self.typical), "coverage": self.coverage}
