"""Policies as the command line names them: by name, composed, or ``package.module:Name``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hal.errors import PolicyError
from hal.place import resolve
from hal.plugins import load_object
from hal.policies import scorer_of
from hal.policy import Policy

__all__ = ["named", "policy_named"]


def named(text: str) -> Any:
    """Return what a text names: an object of a module beside one, or a policy by name.

    The present folder is searched for modules, as ``python -m`` does.
    """
    if ":" not in text:
        return resolve(text, None)
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    found = load_object(text)
    return found() if isinstance(found, type) else found


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
