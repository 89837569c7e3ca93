"""Policies: weighted scorers and extra filters, by name or composed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from hal import _core
from hal._show import show
from hal.candidates import Candidates, Request
from hal.errors import PolicyError

__all__ = ["Filter", "Policy", "Scorer"]


@runtime_checkable
class Scorer(Protocol):
    """A scorer: anything with a name and ``score(job, nodes)``; nothing to subclass.

    A custom scorer runs in Python once a decision: easy, and slow beside the built-in ones. With an attribute
    ``own_state = True`` it promises that a node's score depends on that node and the job alone; scores are then
    kept until the node changes.
    """

    @property
    def name(self) -> str:
        """Name in explanations."""

    def score(self, job: Request, nodes: Candidates) -> NDArray[np.float64]:
        """Score each candidate: (k,) float64 in [0, 1], higher is better, the same for the same arguments.

        Parameters
        ----------
        job : Request
            What one task asks for.
        nodes : Candidates
            Columns of the k nodes on which it fits.
        """


@runtime_checkable
class Filter(Protocol):
    """A filter: anything with a name and ``keep(job, nodes)``, beside the built-in ones, which always hold."""

    @property
    def name(self) -> str:
        """Name in the reason for a rejection."""

    def keep(self, job: Request, nodes: Candidates) -> NDArray[np.bool_]:
        """(k,) bool: which candidates may take the task."""


class Policy:
    """Weighted scorers and filters. Immutable; may be shared by clusters and threads.

    Parameters
    ----------
    scorers : mapping of scorer to weight, or iterable of scorers
        Scorers: from `hal.policies`, names such as ``"best_fit"``, or your own. Weights: finite, not 0.
    filters : iterable
        Filters beside the built-in ones (capacity, GPUs, labels, taints).
    name : str, optional
        Default: the scorers' names.
    seed : int
        For policies that draw lots, 0 … 2**63-1.
    tie_seed : int, optional
        Break ties by a seeded shuffle of the nodes instead of the lower node index.

    Raises
    ------
    PolicyError
        An unknown name, a wrong weight or seed, or an object that is no scorer.

    Examples
    --------
    >>> import hal
    >>> hal.Policy({hal.policies.BestFit(): 1, hal.policies.Spread(): 0.25}).name
    'best_fit + 0.25 * spread'
    """

    __slots__ = ("_core", "filters", "name", "scorers", "seed", "tie_seed")

    def __init__(
        self,
        scorers: Mapping[Any, float] | Iterable[Any],
        *,
        filters: Iterable[Any] = (),
        name: str | None = None,
        seed: int = 0,
        tie_seed: int | None = None,
    ) -> None:
        from hal.policies import scorer_of

        if isinstance(scorers, (str, bytes)) or not isinstance(scorers, Iterable):
            raise PolicyError(
                f"scorers = {show(scorers)}: give a mapping such as {{hal.policies.BestFit(): 1}}"
            )
        weighted = dict(scorers) if isinstance(scorers, Mapping) else dict.fromkeys(scorers, 1)
        if not weighted:
            raise PolicyError("scorers: is empty; give at least one, such as hal.policies.FirstFit()")
        self.scorers = {scorer_of(scorer): _weight(scorer, weight) for scorer, weight in weighted.items()}
        if isinstance(filters, (str, bytes)) or not isinstance(filters, Iterable):
            raise PolicyError(f"filters = {show(filters)}: give a list of filters")
        if name is not None and not isinstance(name, str):
            raise PolicyError(f"name = {show(name)}: must be text")
        self.filters = tuple(filters)
        self.name = name or " + ".join(
            scorer.name if weight == 1 else f"{weight:g} * {scorer.name}"
            for scorer, weight in self.scorers.items()
        )
        self.seed = _seed("seed", seed)
        self.tie_seed = None if tie_seed is None else _seed("tie_seed", tie_seed)
        self._core = _core.Policy(
            self.name,
            [(_core_scorer(scorer), weight) for scorer, weight in self.scorers.items()],
            [_core_filter(item) for item in self.filters],
            self.seed,
            self.tie_seed or 0,
        )

    def with_seed(self, seed: int) -> Policy:
        """Return the same policy with another seed."""
        return Policy(self.scorers, filters=self.filters, name=self.name, seed=seed, tie_seed=self.tie_seed)

    def __repr__(self) -> str:
        return f"Policy({self.name!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self.scorers, self.filters, self.name, self.seed, self.tie_seed)


def _rebuild(scorers: Any, filters: Any, name: str, seed: int, tie_seed: int | None) -> Policy:
    return Policy(scorers, filters=filters, name=name, seed=seed, tie_seed=tie_seed)


def _weight(scorer: object, weight: object) -> float:
    if (
        isinstance(weight, bool)
        or not isinstance(weight, (int, float))
        or not math.isfinite(weight)
        or weight == 0
    ):
        raise PolicyError(f"weight of {show(scorer)} = {show(weight)}: must be a finite number other than 0")
    return float(weight)


def _seed(field: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not 0 <= value < 2**63:
        raise PolicyError(f"{field} = {show(value)}: must be a whole number from 0 to 2**63-1")
    return int(value)


def _core_scorer(scorer: Any) -> _core.Scorer:
    built = getattr(scorer, "_core_scorer", None)
    if built is not None:
        made: _core.Scorer = built()
        return made

    def score(shape: _core.Shape, columns: dict[str, NDArray[Any]], nodes: NDArray[np.uint32]) -> Any:
        values = np.ascontiguousarray(
            scorer.score(Request(shape), Candidates(columns.__getitem__, nodes)), dtype=np.float64
        )
        if values.shape != nodes.shape:
            raise PolicyError(f"score() returned shape {values.shape}, must be {nodes.shape}")
        if values.size and not (values.min() >= 0 and values.max() <= 1):
            raise PolicyError("score() left [0, 1] (or is NaN); scale it")
        return values

    return _core.python_scorer(scorer.name, score, bool(getattr(scorer, "own_state", False)))


def _core_filter(item: Any) -> _core.Filter:
    built = getattr(item, "_core_filter", None)
    if built is not None:
        made: _core.Filter = built()
        return made
    if not isinstance(item, Filter):
        raise PolicyError(f"filter {show(item)}: needs a name and keep(job, nodes)")

    def keep(shape: _core.Shape, columns: dict[str, NDArray[Any]], nodes: NDArray[np.uint32]) -> Any:
        kept = np.asarray(item.keep(Request(shape), Candidates(columns.__getitem__, nodes)))
        if kept.dtype != np.bool_ or kept.shape != nodes.shape:
            raise PolicyError(
                f"keep() returned {kept.dtype} of shape {kept.shape}, must be bool of {nodes.shape}"
            )
        return np.ascontiguousarray(kept)

    return _core.python_filter(item.name, keep)
