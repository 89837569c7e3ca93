"""Running the checks: over one situation, over many, under pytest; and making what failed small."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from hypothesis import HealthCheck, Phase, Verbosity, given, reject, seed, settings
from hypothesis.errors import Flaky, HypothesisException
from hypothesis.stateful import run_state_machine_as_test

from hal.errors import PolicyError
from hal.testing.case import Case
from hal.testing.checks import CHECKS, Broken, Check, NotAsked, find
from hal.testing.checks.registry import enter_whole
from hal.testing.machine import safety_machine
from hal.testing.strategies import Limits, cases
from hal.testing.subject import Subject

__all__ = ["CheckFailed", "Result", "check_policy", "parametrize_with_checks", "run_check"]

Outcome = Literal["kept", "broken", "opted out", "not asked"]

#: Examples a check tries when nothing else is said.
EXAMPLES: Final = 50
#: Situations tried to make a failing one smaller.
SHRINKS: Final = 150


class CheckFailed(Broken):
    """A check failed; `code` is what to paste to see it again.

    Attributes
    ----------
    check : str
    code : str
    case : Case or None
        The smallest situation found; None for ``safety``, whose code is a history.
    """

    def __init__(self, check: str, text: str, code: str, case: Case | None = None) -> None:
        super().__init__(f"{check}: {text}\n\n{code}")
        self.check, self.text, self.code, self.case = check, text, code, case


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
        _search(asked, subject, **options)
        return
    try:
        _once(asked, subject, case)
    except Broken as broken:
        raise CheckFailed(name, str(broken), _pasted(name, case), case) from None


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
    suspects, skipped = _survey([item for item in rest if not item.whole], subject, max_examples, limits)
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


def _settings(max_examples: int, *phases: Phase) -> settings:
    return settings(
        max_examples=max_examples,
        database=None,
        deadline=None,
        derandomize=False,
        phases=phases,
        verbosity=Verbosity.quiet,
        suppress_health_check=list(HealthCheck),
        print_blob=False,
        report_multiple_bugs=False,
    )


def _once(item: Check, subject: Subject, case: Case) -> None:
    """Run a check; a policy that cannot answer at all is the business of the checks of scores."""
    try:
        item.run(subject if subject.built_in else subject.fresh(), case)
    except PolicyError:
        return
    except (Broken, NotAsked):
        raise
    except Exception as error:
        if subject.policy is not None:
            raise
        raise Broken(f"the placer raised {type(error).__name__}: {error}") from error


def _survey(
    items: Sequence[Check], subject: Subject, max_examples: int, limits: Limits | None
) -> tuple[dict[str, tuple[Case, str]], dict[str, str]]:
    """First situation in which each check fails, and the checks that mean nothing here."""
    found: dict[str, tuple[Case, str]] = {}
    skipped: dict[str, str] = {}

    @seed(0)
    @_settings(max_examples, Phase.generate)
    @given(cases(limits or Limits()))
    def attempt(case: Case) -> None:
        for item in items:
            if item.name in found or item.name in skipped:
                continue
            try:
                _once(item, subject, case)
            except NotAsked as why:
                skipped[item.name] = str(why)
            except Broken as broken:
                found[item.name] = (case, str(broken))

    if items:
        attempt()
    return found, skipped


def _result(
    item: Check, subject: Subject, first: tuple[Case, str] | None, max_examples: int, limits: Limits | None
) -> Result:
    try:
        _search(item, subject, first=first, max_examples=max_examples, limits=limits)
    except NotAsked as why:
        return Result(item.name, "not asked", str(why))
    except CheckFailed as failed:
        return Result(item.name, "broken", failed.text, failed.code)
    return Result(item.name, "kept")


def _search(
    item: Check,
    subject: Subject,
    *,
    first: tuple[Case, str] | None = None,
    max_examples: int = EXAMPLES,
    limits: Limits | None = None,
) -> None:
    """Raise CheckFailed with the smallest failing situation; flaky policies count as failing, too."""
    if item.whole:
        _live(item, subject, max_examples, limits)
        return
    failing: list[tuple[Case, str]] = [] if first is None else [first]
    tries = iter(range(max_examples + SHRINKS))

    @seed(0)
    @_settings(max_examples, Phase.generate, Phase.shrink)
    @given(cases(limits or Limits()))
    def attempt(case: Case) -> None:
        if next(tries, None) is None:
            return  # small enough
        try:
            _once(item, subject, case)
        except Broken as broken:
            failing.append((case, str(broken)))
            raise

    with contextlib.suppress(Broken, HypothesisException, ExceptionGroup):
        attempt()
    if failing:
        case, text = min(failing, key=lambda found: len(found[0].code()))
        raise CheckFailed(item.name, text, _pasted(item.name, case), case)


def _live(item: Check, subject: Subject, max_examples: int, limits: Limits | None) -> None:
    if not subject.applies:
        raise NotAsked("a placer without apply()")
    chosen = limits or Limits()
    failing: list[str] = []
    tries = iter(range(SHRINKS // 2))

    class Watched(safety_machine(subject.given, limits=chosen)):  # type: ignore[misc]  # made at run time
        def __init__(self) -> None:
            if failing and next(tries, None) is None:
                reject()  # small enough
            super().__init__()

        def broken(self, text: str) -> Broken:
            failed: Broken = super().broken(text)
            failing.append(str(failed))
            return failed

    lives = settings(
        _settings(max(max_examples // 2, 1), Phase.generate, Phase.shrink), stateful_step_count=12
    )
    try:
        run_state_machine_as_test(Watched, settings=lives, _min_steps=0)
    except (Broken, HypothesisException, ExceptionGroup) as error:
        if not failing and isinstance(error, Flaky):
            return  # it answers anew each time, and broke nothing of this: the check `determinism` is for that
        if not failing:
            raise
        text, _, code = min(failing, key=len).partition("\n\n")
        raise CheckFailed(item.name, text, code) from None


def _pasted(name: str, case: Case) -> str:
    fields = "nodes=tuple(nodes), jobs=tuple(jobs)"
    fields += ", running=tuple(running)" if case.running else ""
    fields += ", topology=topology" if case.topology is not None else ""
    return (
        f"{case.code()}\n\nimport hal.testing\n\n"
        f"case = hal.testing.Case({fields})\nhal.testing.run_check({name!r}, policy, case)"
    )


enter_whole(
    "safety",
    "Bugs hide in sequences: nodes that fail, change and join between placements and releases.",
)
