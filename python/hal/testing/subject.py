"""What is checked, brought into one form: a policy, a scorer, a filter, or a placer of one's own."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from hal.answer import Placement
from hal.cluster import Cluster
from hal.errors import PolicyError
from hal.model import Job
from hal.place import place
from hal.policies import get
from hal.policy import Filter, Policy, Scorer

__all__ = ["Subject"]


class Subject:
    """A policy under test.

    Parameters
    ----------
    given : Policy, str, scorer, filter, or an object with ``place(cluster, jobs, *, seed)``
        The last, a *placer*, answers with `hal.Placement`, one a job in order, without changing the cluster; it may
        have its own ``apply(cluster, placements)`` and ``release(cluster, names)``.

    Raises
    ------
    PolicyError
        It is none of these.
    """

    def __init__(self, given: Any) -> None:
        if isinstance(given, type):
            given = given()
        self.given = given
        try:
            self._unasked = copy.deepcopy(given)  # before any question
        except Exception:
            self._unasked = None
        self.policy: Policy | None = None
        if isinstance(given, str):
            self.policy = get(given)
        elif isinstance(given, Policy):
            self.policy = given
        elif callable(getattr(given, "place", None)):
            pass
        elif callable(getattr(given, "score", None)) or hasattr(given, "_core_scorer"):
            self.policy = Policy([given])
        elif callable(getattr(given, "keep", None)):
            self.policy = Policy(["first_fit"], filters=[given])
        else:
            raise PolicyError(
                f"{given!r}: is no policy; give a hal.Policy, its name, or an object with score, keep or place"
            )

    @property
    def name(self) -> str:
        """What to call it."""
        found = self.policy.name if self.policy else getattr(self.given, "name", None)
        return str(found or type(self.given).__name__)

    @property
    def parts(self) -> tuple[Any, ...]:
        """The object itself, and the scorers and filters it is made of."""
        if self.policy is None:
            return (self.given,)
        return tuple(dict.fromkeys((self.given, *self.policy.scorers, *self.policy.filters)))

    @property
    def scorers(self) -> tuple[Any, ...]:
        """Scorers of a policy, built in or not."""
        return tuple(self.policy.scorers) if self.policy else ()

    @property
    def built_in(self) -> bool:
        """Whether nothing of it is written in Python, so that it has no memory of its own."""
        whole = self.policy is not None and not self.policy.filters
        return whole and all(hasattr(part, "_core_scorer") for part in self.scorers)

    @property
    def opt_out(self) -> dict[str, str]:
        """Checks that it, or a part of it, opts out of, and why."""
        out: dict[str, str] = {}
        for part in self.parts:
            declared = getattr(part, "opt_out", {})
            if isinstance(declared, Mapping):
                out.update({str(name): str(reason) for name, reason in declared.items()})
        return out

    @property
    def applies(self) -> bool:
        """Whether what it places can be booked and released."""
        return self.policy is not None or callable(getattr(self.given, "apply", None))

    def fresh(self) -> Subject:
        """Return a copy that has been asked nothing yet; the same object where it cannot be copied."""
        if self.policy is not None and self.built_in:
            return Subject(self.policy.with_seed(self.policy.seed))
        return self if self._unasked is None else Subject(copy.deepcopy(self._unasked))

    def place(self, cluster: Cluster, jobs: Iterable[Job], *, seed: int | None = None) -> list[Placement]:
        """Ask for places; the cluster should stay as it was."""
        if self.policy is not None:
            return list(place(cluster, list(jobs), self.policy, seed=seed))
        return list(self.given.place(cluster, list(jobs), seed=seed))

    def carry_out(self, cluster: Cluster, jobs: Sequence[Job], *, seed: int | None = None) -> list[Placement]:
        """Ask for places and book them, the placer's own way if it has one."""
        if self.policy is not None:
            return list(place(cluster, list(jobs), self.policy, seed=seed, apply=True))
        answers = list(self.given.place(cluster, list(jobs), seed=seed))
        self.given.apply(cluster, answers)
        return answers

    def release(self, cluster: Cluster, names: Sequence[str]) -> None:
        """Give back what jobs hold, the placer's own way if it has one."""
        own = getattr(self.given, "release", None)
        if self.policy is None and callable(own):
            own(cluster, list(names))
        else:
            cluster.release(list(names))

    def probe(self, cluster: Cluster, job: Job, ask: Callable[[Any, Any, Any], None]) -> None:
        """Call ``ask(scorer, request, candidates)`` for each scorer in Python, with what a decision would show it.

        A failed assertion in ``ask`` comes through; anything else that is raised becomes a PolicyError.
        """
        for scorer in self.scorers:
            if hasattr(scorer, "_core_scorer"):
                continue
            stand_in = _StandIn(scorer, ask)
            try:
                place(cluster, job, Policy([stand_in], filters=self.policy.filters if self.policy else ()))
            except PolicyError:
                if stand_in.raised is None:
                    raise
            if isinstance(stand_in.raised, AssertionError):
                raise stand_in.raised
            if stand_in.raised is not None:
                raise PolicyError(f"scorer {scorer.name} failed: {stand_in.raised!r}")


class _StandIn:
    """A scorer that shows its arguments to someone and finds every node equally good."""

    name = "probe"

    def __init__(self, scorer: Scorer | Filter, ask: Callable[[Any, Any, Any], None]) -> None:
        self.scorer, self.ask = scorer, ask
        self.raised: BaseException | None = None

    def score(self, job: Any, nodes: Any) -> Any:
        tracer = sys.gettrace()
        try:
            self.ask(self.scorer, job, nodes)
        except Exception as error:
            self.raised = self.raised or error
        finally:
            sys.settrace(tracer)
        return np.ones(len(nodes))
