"""What a job wants of the places where other jobs run (affinity, anti-affinity, spread), and rather of nodes."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY
from typing import Annotated, Any, ClassVar

from pydantic import Field, PlainValidator

from hal import _core
from hal._selectors import Selector, selectors
from hal._validate import NAME, WHOLE, model

__all__ = ["Affinity", "AntiAffinity", "Prefer", "Rule", "Spread"]

_Labels = Annotated[Sequence[Selector] | Mapping[str, str | Sequence[str]], PlainValidator(selectors)]
_Weight = Annotated[float | None, Field(gt=0, le=1e6, allow_inf_nan=False)]


class _Rule:
    _kind: ClassVar[str]
    jobs: _Labels
    level: str
    weight: float | None

    def _spec(self) -> tuple[Any, ...]:
        return self._kind, self.level, _chosen(self.jobs), getattr(self, "max_skew", 1), self.weight or 0.0


@model
class Affinity(_Rule):
    """Near jobs with these labels: at least one of their tasks runs in the domain.

    While none of them runs anywhere, a job that has the labels itself may start anywhere.

    Attributes
    ----------
    jobs : mapping or sequence of Selector
        Labels of the other jobs: ``{"app": "web"}``, or Selectors. All must hold; empty: every job that has
        labels, a queue or rules.
    level : str
        Level of the cluster's topology whose domains count; ``"node"``: the node itself.
    weight : float, optional
        A wish of this weight, against 1 for the policy. None: a must.
    """

    _kind: ClassVar[str] = "affinity"
    jobs: _Labels
    _: KW_ONLY
    level: Annotated[str, NAME] = "node"
    weight: _Weight = None


@model
class AntiAffinity(_Rule):
    """Away from jobs with these labels: none of their tasks runs in the domain.

    As a must it holds both ways: such jobs are kept away from this one later, too. Its own tasks count, when the
    job has the labels itself. Attributes as in `Affinity`.
    """

    _kind: ClassVar[str] = "anti_affinity"
    jobs: _Labels
    _: KW_ONLY
    level: Annotated[str, NAME] = "node"
    weight: _Weight = None


@model
class Spread(_Rule):
    """Evenly over domains: none has more than ``max_skew`` tasks of these jobs more than the one with fewest.

    Domains count that have a node which could hold the task when empty. Attributes as in `Affinity`, and:

    Attributes
    ----------
    max_skew : int
        1 or more. For a wish (``weight``) not looked at.
    """

    _kind: ClassVar[str] = "spread"
    jobs: _Labels
    _: KW_ONLY
    level: Annotated[str, NAME] = "node"
    max_skew: Annotated[int, WHOLE, Field(ge=1, lt=2**31)] = 1
    weight: _Weight = None


@model
class Prefer:
    """Rather on nodes with these labels. What a node must have is `Job.selector`.

    Attributes
    ----------
    nodes : mapping or sequence of Selector
        Labels of the node: ``{"disk": "ssd"}``, or Selectors. All must hold for the wish to be met; at least one.
    weight : float
        Of the wish, against 1 for the policy.
    """

    nodes: _Labels
    _: KW_ONLY
    weight: Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)] = 1.0

    def _spec(self) -> tuple[Any, ...]:
        return "affinity", "node:labels", _chosen(self.nodes), 1, self.weight


Rule = Affinity | AntiAffinity | Spread | Prefer


def _chosen(selector: object) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    assert isinstance(selector, tuple)  # as `selectors` leaves it
    return tuple((s.key, s.op, tuple(s.values)) for s in selector)


@functools.lru_cache(maxsize=65536)
def traits(
    queue: str,
    labels: tuple[tuple[str, str], ...],
    rules: tuple[tuple[Any, ...], ...],
    exclusive: bool,
) -> _core.Traits:
    """Return the core's traits; equal ones are one object."""
    return _core.Traits(
        queue,
        list(labels),
        [
            (kind, level, [(key, op, list(values)) for key, op, values in chosen], skew, weight)
            for kind, level, chosen, skew, weight in rules
        ],
        exclusive,
    )
