"""One queue and its quotas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, field
from functools import partial
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from hal._validate import NAME, TEXT, WHOLE, model
from hal.queues.amounts import base_amounts, human_amounts
from hal.units import Quantity

__all__ = ["Queue"]


def _canonical(value: Any, name: str) -> dict[str, float]:
    return human_amounts(base_amounts(value, name).items())


def _amounts(name: str) -> BeforeValidator:
    return BeforeValidator(partial(_canonical, name=name))


@model
class Queue:
    """A queue: an organisation, a project, a user. Jobs name leaves.

    Attributes
    ----------
    name : str
        Unique in its tree.
    parent : str
        Name of the queue above; empty: none.
    guarantee : mapping
        What it may always have, by resource: ``{"cpus": 64, "memory": "1TiB", "gpus": 8}``, or named resources.
        A resource left out: what its children are guaranteed.
    maximum : mapping
        What it never goes over. A resource left out: no limit of its own.
    weight : float
        Of its share beyond guarantees against its siblings', above 0.
    lend : bool
        Others may use its guarantee while it does not. False: it is kept free.

    Raises
    ------
    InvalidModel
        A field is unknown or wrong; the message names it, its value and the fix.
    """

    name: Annotated[str, NAME]
    _: KW_ONLY
    parent: Annotated[str, TEXT] = ""
    guarantee: Annotated[Mapping[str, Quantity], _amounts("guarantee")] = field(default_factory=dict)
    maximum: Annotated[Mapping[str, Quantity], _amounts("maximum")] = field(default_factory=dict)
    weight: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1
    lend: Annotated[bool, WHOLE] = True

    def _row(self) -> tuple[str, str, list[tuple[str, int]], list[tuple[str, int]], float, bool]:
        guarantee = list(base_amounts(self.guarantee, "guarantee").items())
        maximum = list(base_amounts(self.maximum, "maximum").items())
        return self.name, self.parent, guarantee, maximum, float(self.weight), self.lend
