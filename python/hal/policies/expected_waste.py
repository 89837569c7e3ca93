"""ExpectedWaste."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from hal._validate import settings
from hal.policies._base import Builtin
from hal.policies.typical import Typical, core_typical, typical_tasks

__all__ = ["ExpectedWaste"]


@settings
class ExpectedWaste(Builtin):
    """The node, and the device, where the task adds least to what the node's free room is expected to lose.

    Assumes: what comes resembles the typical tasks, and keeps coming.
    Formula: gain = V_before - V_after - price in steps of 20 milli-GPU; among equal gains the node with less CPU
    left. V is the GPU share left idle after sequences of typical tasks have been packed onto the node, plus a charge
    for idle devices and for what wide tasks cannot use; see ``docs/explanation/expected-waste.md``.
    Cost: about 2 µs for each new node state, else as FGD. Binding to a cluster of 1,200 nodes takes about 0.1 s
    for each rehearsal.
    Source: rollouts as in Bertsekas and Castañon, "Rollout algorithms for stochastic scheduling problems", 1999.

    Attributes
    ----------
    typical : "seen" or sequence of TypicalTask or of Job
        What comes: what the cluster has been asked for so far, or given classes, or a sample of jobs.
    coverage : float
        Share of the counts that the most frequent classes must cover, 0.01 … 1.
    rehearsals : int or None
        How many candidate value functions are tried out on a simulated day of typical tasks, 1 … 100; the best one
        decides. None: 8, or 1 when ``typical`` is ``"seen"``, which changes too often to rehearse.
    """

    name = "expected_waste"
    typical: Annotated[Typical, BeforeValidator(typical_tasks)] = "seen"
    coverage: Annotated[float, Field(ge=0.01, le=1)] = 1.0
    rehearsals: Annotated[int, Field(ge=1, le=100)] | None = None

    def _parameters(self) -> dict[str, Any]:
        given = {} if self.rehearsals is None else {"rehearsals": self.rehearsals}
        return {"typical": core_typical(self.typical), "coverage": self.coverage, **given}
