"""What the built-in scorers share: their parameters become the core's, by name."""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated, Any, ClassVar

from pydantic import Field

from hal import _core
from hal._validate import settings

__all__ = ["Builtin", "Scaled"]


class Builtin:
    """A scorer of the compiled core. Compare, hash and pickle by parameters."""

    name: ClassVar[str]

    def _parameters(self) -> dict[str, Any]:
        """Return the core's parameters by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]  # leaves are dataclasses

    def _core_scorer(self) -> _core.Scorer:
        return _core.Scorer(self.name, self._parameters())


@settings
class Scaled(Builtin):
    """Parameters of scorers that compare amounts of different resources.

    Attributes
    ----------
    weight_cpu, weight_memory, weight_gpu : float
        How much each resource counts, 0 … 1e6.
    scale_cpu, scale_memory, scale_gpu : int
        What amounts are divided by, in milli-CPU, MiB and milli-GPU; 0: the largest node's capacity.
    steps : int
        Truncate scores to multiples of 1/steps, so that near-equal nodes tie; 0: keep them.
    """

    weight_cpu: Annotated[float, Field(ge=0, le=1e6)] = 1
    weight_memory: Annotated[float, Field(ge=0, le=1e6)] = 1
    weight_gpu: Annotated[float, Field(ge=0, le=1e6)] = 1
    scale_cpu: Annotated[int, Field(ge=0, le=2**42)] = 0
    scale_memory: Annotated[int, Field(ge=0, le=2**42)] = 0
    scale_gpu: Annotated[int, Field(ge=0, le=2**42)] = 0
    steps: Annotated[int, Field(ge=0, le=10**6)] = 0
