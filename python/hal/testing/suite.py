"""Running the checks: over one situation, over many, and under pytest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from hal.errors import PolicyError
from hal.testing.case import Case
from hal.testing.checks import CHECKS, Check, NotAsked, find
from hal.testing.checks.registry import enter_whole
from hal.testing.search import EXAMPLES, CheckFailed, over, search, survey
from hal.testing.strategies import Limits
from hal.testing.subject import Subject

__all__ = ["CheckFailed", "Result", "check_policy", "parametrize_with_checks", "run_check"]

Outcome = Literal["kept", "broken", "opted out", "not asked"]


@dataclass(frozen=True)
class Result:
    """What became of one check.

    Attributes
    ----------
    check : str
    outcome : {"kept", "broken", "opted out", "not asked"}
    text : str
        What broke, or the reason for opting out or not asking.
    code : str
        The smallest situation as code; empty unless broken.
    """

    check: str
    outcome: Outcome
    text: str = ""
    code: str = ""


def run_check(name: str, policy: Any, case: Case | None = None, **options: Any) -> None:
    """Run one check over one situation, or over drawn ones.

    Parameters
    ----------
    name : str
        Of `CHECKS`.
    policy : Policy, str, scorer, filter or placer
    case : Case, optional
        None: many are drawn, and the smallest that fails is found.
    **options
        As of `check_policy`.

    Raises
    ------
    CheckFailed
        The policy breaks the promise.
    PolicyError
        No check has this name, or ``policy`` is none.
    """
    asked, subject = find(name), Subject(policy)
    if case is None:
        search(asked, subject, **options)
    else:
        over(asked, subject, case)


def check_policy(
    policy: Any,
    *,
    checks: Iterable[str] | None = None,
    max_examples: int = EXAMPLES,
    limits: Limits | None = None,
) -> list[Result]:
    """Run checks over a policy.

    Parameters
    ----------
    policy : Policy, str, scorer, filter, placer, or a class of these
    checks : iterable of str, optional
        Default: all.
    max_examples : int
        Situations drawn; the same ones for the same number.
    limits : Limits, optional
        Bounds of the situations.

    Returns
    -------
    list of Result
        One a check, in the order of `CHECKS`.

    Raises
    ------
    PolicyError
        A check is unknown, ``policy`` is none, or it opts out of a check that has no exceptions.

    Examples
    --------
    >>> import hal.testing
    >>> {result.outcome for result in hal.testing.check_policy("first_fit", checks=["capacity"], max_examples=5)}
    {'kept'}
    """
    subject = Subject(policy)
    asked = [find(name) for name in (CHECKS if checks is None else checks)]
    opted = _opted_out(subject)
    done: dict[str, Result] = {
        item.name: Result(item.name, "opted out", opted[item.name]) for item in asked if item.name in opted
    }
    rest = [item for item in asked if item.name not in done]
    # One pass over shared situations says which promises hold; only a broken one is then searched by itself.
    suspects, skipped = survey([item for item in rest if not item.whole], subject, max_examples, limits)
    for item in rest:
        needed = done.get(item.needs)
        if needed is not None and needed.outcome in ("broken", "not asked"):
            done[item.name] = Result(item.name, "not asked", f"means nothing without {item.needs}")
        elif item.name in skipped:
            done[item.name] = Result(item.name, "not asked", skipped[item.name])
        elif item.whole or item.name in suspects:
            done[item.name] = _result(item, subject, suspects.get(item.name), max_examples, limits)
        else:
            done[item.name] = Result(item.name, "kept")
    return [done[item.name] for item in asked]


def parametrize_with_checks(
    policies: Sequence[Any], *, max_examples: int = EXAMPLES, limits: Limits | None = None
) -> Callable[[Callable[..., Any]], Any]:
    """Decorate a pytest function ``test(policy, check)``: it runs once for each policy and check, as ``check(policy)``.

    Checks that a policy opts out of are skipped, with its reason.

    Parameters
    ----------
    policies : sequence of Policy, str, scorer, filter or placer
    max_examples, limits
        As of `check_policy`.

    Raises
    ------
    PolicyError
        One of them is no policy, or opts out of a check that has no exceptions.
    """
    import pytest

    rows = []
    for policy in policies:
        subject = Subject(policy)
        opted = _opted_out(subject)
        for item in CHECKS.values():
            marks = [pytest.mark.skip(reason=opted[item.name])] if item.name in opted else []
            run = _Run(item.name, max_examples, limits)
            rows.append(pytest.param(policy, run, id=f"{subject.name}-{item.name}", marks=marks))
    return pytest.mark.parametrize(("policy", "check"), rows)


@dataclass(frozen=True)
class _Run:
    name: str
    max_examples: int
    limits: Limits | None

    def __call__(self, policy: Any) -> None:
        try:
            run_check(self.name, policy, max_examples=self.max_examples, limits=self.limits)
        except NotAsked:
            return


def _opted_out(subject: Subject) -> dict[str, str]:
    for name, reason in subject.opt_out.items():
        if not find(name).may_opt_out:
            raise PolicyError(f"opt_out = {{{name!r}: …}}: there is no opting out of {name}")
        if not reason.strip():
            raise PolicyError(f"opt_out[{name!r}]: give the reason")
    return subject.opt_out


def _result(
    item: Check, subject: Subject, first: tuple[Case, str] | None, max_examples: int, limits: Limits | None
) -> Result:
    try:
        search(item, subject, first=first, max_examples=max_examples, limits=limits)
    except NotAsked as why:
        return Result(item.name, "not asked", str(why))
    except CheckFailed as failed:
        return Result(item.name, "broken", failed.text, failed.code)
    return Result(item.name, "kept")


enter_whole(
    "safety",
    "Bugs hide in sequences: nodes that fail, change and join between placements and releases.",
)
