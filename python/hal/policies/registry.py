"""Policies by name: ``"fgd"``, ``"pack_spread(0.3)"``, ``"fgd + 0.5 * spread"``."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Final

from hal._show import show
from hal.errors import HalError, PolicyError
from hal.plugins.finding import load, own

if TYPE_CHECKING:
    from hal.policy import Policy

__all__ = ["factory", "get", "names", "register", "scorer_of"]

_GROUP: Final = "hal.policies"
_FACTORIES: Final[dict[str, Callable[..., Any]]] = {}

own("policy", _FACTORIES.get)

_NAME = re.compile(r"[A-Za-z_][\w.-]*")
_TERM = re.compile(
    r"\s*(?:(?P<weight>[0-9.]+(?:[eE][+-]?[0-9]+)?)\s*\*\s*)?"
    r"(?P<name>[A-Za-z_][\w-]*)\s*(?:\((?P<arguments>[^()]*)\))?\s*"
)


def register(name: str, make: Callable[..., Any]) -> None:
    """Make a scorer (or a whole policy) known by name.

    Parameters
    ----------
    name : str
        Letters, digits, ``_`` and ``-``.
    make : callable
        Called with the arguments of the text; returns a scorer or a Policy. A class will do.

    Raises
    ------
    PolicyError
        The name is malformed or taken by something else.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name) or "." in name:
        raise PolicyError(f"name = {show(name)}: must be letters, digits, _ and -")
    if not callable(make):
        raise PolicyError(
            f"make = {show(make)}: must be a class or function that returns a scorer or a policy"
        )
    if _FACTORIES.get(name, make) is not make:
        raise PolicyError(f"name = {show(name)}: is taken; choose another")
    _FACTORIES[name] = make


def names() -> list[str]:
    """Every known name, those of entry points included, sorted."""
    return sorted({*_FACTORIES, *(point.name for point in entry_points(group=_GROUP))})


def factory(name: str) -> Callable[..., Any]:
    """Return what `register` was given for a name.

    Raises
    ------
    PolicyError
        The name is unknown, or its package cannot be imported or was written for another major of the contract.
    """
    if name not in _FACTORIES and any(entry_points(group=_GROUP, name=name)):
        try:
            _FACTORIES[name] = load("policy", name)
        except HalError as error:
            raise PolicyError(f"policy = {show(name)}: {error}") from error
    if name not in _FACTORIES:
        raise PolicyError(f"policy = {show(name)}: is unknown; known are {', '.join(names())}")
    return _FACTORIES[name]


def get(text: str) -> Policy:
    """Return a policy from text: scorers joined by ``+``, each with an optional weight and arguments.

    Raises
    ------
    PolicyError
        A name is unknown, an argument is wrong, or the text does not parse.

    Examples
    --------
    >>> get("0.5 * best_fit + pack_spread(0.3)").name
    '0.5 * best_fit + pack_spread(0.3)'
    """
    from hal.policy import Policy

    if not isinstance(text, str) or len(text) > 1000:
        raise PolicyError(f"policy = {show(text)}: must be a short text")
    scorers: dict[Any, float] = {}
    terms = text.split("+")
    for term in terms:
        match = _TERM.fullmatch(term)
        if match is None:
            raise PolicyError(
                f"policy = {show(text)}: cannot read {term.strip()!r}; write name, name(0.3) or 0.5 * name"
            )
        made = _make(match["name"], match["arguments"])
        if isinstance(made, Policy):
            if len(terms) > 1 or match["weight"]:
                raise PolicyError(
                    f"policy = {show(text)}: {match['name']!r} is a whole policy and cannot be weighed"
                )
            return made
        if made in scorers:
            raise PolicyError(f"policy = {show(text)}: {term.strip()!r} comes twice; give one weight")
        scorers[made] = _number(text, match["weight"]) if match["weight"] else 1
    return Policy(scorers, name=" ".join(text.split()))


def scorer_of(scorer: Any) -> Any:
    """Return a scorer: itself, or the one a name stands for.

    Raises
    ------
    PolicyError
        It is no scorer, or the name is unknown.
    """
    if isinstance(scorer, str):
        return _make(scorer, None)
    if isinstance(scorer, type):
        raise PolicyError(f"scorer {scorer.__name__}: is a class; give an object, {scorer.__name__}()")
    if hasattr(scorer, "_core_scorer") or (
        isinstance(getattr(scorer, "name", None), str) and callable(getattr(scorer, "score", None))
    ):
        return scorer
    raise PolicyError(f"scorer {show(scorer)}: needs a name and score(job, nodes)")


def _make(name: str, arguments: str | None) -> Any:
    make = factory(name)
    positional: list[Any] = []
    named: dict[str, Any] = {}
    for part in (arguments or "").split(","):
        if not part.strip():
            continue
        key, equals, value = part.partition("=")
        if equals:
            named[key.strip()] = _value(value)
        else:
            positional.append(_value(part))
    # Parameters of built-in scorers are keyword-only; in text the first ones may go without their names.
    if is_dataclass(make) and positional:
        known = [field.name for field in fields(make)]
        if len(positional) > len(known):
            raise PolicyError(f"{name}({arguments}): takes {len(known)} arguments")
        named = dict(zip(known, positional, strict=False)) | named
        positional = []
    try:
        return make(*positional, **named)
    except TypeError as error:
        raise PolicyError(f"{name}({arguments or ''}): {error}") from None


def _value(text: str) -> Any:
    text = text.strip().strip("'\"")
    for convert in (int, float):
        try:
            return convert(text)
        except ValueError:
            continue
    return text


def _number(text: str, weight: str) -> float:
    try:
        return float(weight)
    except ValueError:
        raise PolicyError(f"policy = {show(text)}: {show(weight)} is no weight") from None
