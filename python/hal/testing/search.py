"""Looking for a situation that breaks a promise: many are drawn, and the one that fails is made small."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Final

from hypothesis import HealthCheck, Phase, Verbosity, given, reject, seed, settings
from hypothesis.errors import Flaky, HypothesisException
from hypothesis.stateful import run_state_machine_as_test

from hal.errors import PolicyError
from hal.testing.case import Case
from hal.testing.checks import Broken, Check, NotAsked
from hal.testing.code import policy_code
from hal.testing.machine import safety_machine
from hal.testing.strategies import Limits, cases
from hal.testing.subject import Subject

__all__ = ["EXAMPLES", "CheckFailed", "over", "search", "survey"]

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


def over(item: Check, subject: Subject, case: Case) -> None:
    """Run a check over one situation, and raise CheckFailed where it is broken."""
    try:
        _once(item, subject, case)
    except Broken as broken:
        raise CheckFailed(item.name, str(broken), _pasted(item.name, subject, case), case) from None


def survey(
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


def search(
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
        raise CheckFailed(item.name, text, _pasted(item.name, subject, case), case)


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
        raise CheckFailed(item.name, text, f"{policy_code(subject.given)}\n\n{code}") from None


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


def _pasted(name: str, subject: Subject, case: Case) -> str:
    fields = "nodes=tuple(nodes), jobs=tuple(jobs)"
    fields += ", running=tuple(running)" if case.running else ""
    fields += ", topology=topology" if case.topology is not None else ""
    return (
        f"{policy_code(subject.given)}\n\n{case.code()}\n\nimport hal.testing\n\n"
        f"case = hal.testing.Case({fields})\nhal.testing.run_check({name!r}, policy, case)"
    )
