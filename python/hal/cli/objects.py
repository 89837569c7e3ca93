"""Policies as the command line names them: by name, composed, or ``package.module:Name``; several, by commas."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hal.errors import InvalidModel, PolicyError
from hal.place import resolve
from hal.plugins import load_object
from hal.policies import scorer_of
from hal.policy import Policy

__all__ = ["listed", "named", "policy_named"]


def listed(option: str, text: str) -> list[str]:
    """Return the parts of an option's text, which commas join.

    Raises
    ------
    InvalidModel
        There is none, or one comes twice.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts or len(set(parts)) != len(parts):
        raise InvalidModel(f"{option} {text}: give different names joined by commas")
    return parts


def named(text: str) -> Any:
    """Return what a text names: an object of a module beside one, or a policy by name.

    The present folder is searched for modules, as ``python -m`` does.

    Raises
    ------
    HalError
        Nothing has the name, or a class needs arguments.
    """
    if ":" not in text:
        return resolve(text, None)
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    found = load_object(text)
    if not isinstance(found, type):
        return found
    try:
        return found()
    except TypeError as error:
        raise PolicyError(
            f"{text}: cannot be made without arguments ({error}): name an object of the module"
        ) from error


def policy_named(text: str) -> Policy:
    """Return the policy that a text names.

    Raises
    ------
    PolicyError
        It names no scorer, filter or policy.
    """
    found = named(text)
    if isinstance(found, Policy):
        return found
    if callable(getattr(found, "keep", None)):
        return Policy(["first_fit"], filters=[found], name=text)
    try:
        return Policy([scorer_of(found)], name=text)
    except PolicyError as error:
        raise PolicyError(f"{text}: {error}") from None
