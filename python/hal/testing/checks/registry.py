"""A check: a named promise, the reason it is asked for, and the code that tries to break it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from hal.errors import PolicyError
from hal.testing.case import Case
from hal.testing.subject import Subject

__all__ = ["CHECKS", "Broken", "Check", "NotAsked", "check", "enter_whole", "find"]


class Broken(AssertionError):
    """A policy broke a promise; the message says which and where."""


class NotAsked(Exception):
    """The promise means nothing for this policy, such as score ranges for one without scores."""


@dataclass(frozen=True)
class Check:
    """One promise.

    Attributes
    ----------
    name : str
    reason : str
        Why a policy should keep it.
    run : callable
        ``run(subject, case)`` raises `Broken` when it is not kept and `NotAsked` when it means nothing.
    may_opt_out : bool
        Whether a policy may say ``opt_out = {name: reason}``.
    whole : bool
        Runs over a whole history instead of one situation, as a state machine.
    needs : str
        A check without which this one means nothing.
    """

    name: str
    reason: str
    run: Callable[[Subject, Case], None]
    may_opt_out: bool = False
    whole: bool = False
    needs: str = ""


#: Every check by name, in the order in which they run.
CHECKS: Final[dict[str, Check]] = {}


def check(
    reason: str, *, may_opt_out: bool = False, needs: str = ""
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Enter a function into `CHECKS` under its name."""

    def enter(run: Callable[[Subject, Case], None]) -> Callable[[Subject, Case], None]:
        CHECKS[run.__name__] = Check(run.__name__, reason, run, may_opt_out, needs=needs)
        return run

    return enter


def enter_whole(name: str, reason: str) -> None:
    """Enter a check that runs over histories."""

    def run(subject: Subject, case: Case) -> None:
        raise NotAsked("runs over histories, not over one situation")

    CHECKS[name] = Check(name, reason, run, whole=True)


def find(name: str) -> Check:
    """Return a check by name.

    Raises
    ------
    PolicyError
        There is none of that name.
    """
    if name not in CHECKS:
        raise PolicyError(f"check = {name!r}: is unknown; known are {', '.join(CHECKS)}")
    return CHECKS[name]
