"""Finding plugins: by entry point, or as ``package.module:Name``; and saying why one does not load."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from hal._show import show
from hal.errors import HalError
from hal.plugins.contracts import KINDS, WrongContract

__all__ = ["Plugin", "find", "load", "load_object", "own"]


@dataclass(frozen=True)
class Plugin:
    """One installed plugin.

    Attributes
    ----------
    kind, name, target : str
        ``"policy"``, ``"my_policy"``, ``"mypackage:MyPolicy"``.
    distribution, version : str
        Of the package that brings it; empty when unknown.
    contract : str
        ``"1.0"``, what it was written for; empty when it did not load.
    error : str
        Why it did not load, or is never used; empty when it is.
    """

    kind: str
    name: str
    target: str
    distribution: str
    version: str
    contract: str = ""
    error: str = ""


#: Kind → room that has parts of its own of that kind, and answers for their names with `own`.
_ROOMS: Final = {"policy": "hal.policies", "controller": "hal.control", "store": "hal.store"}
_OWN: Final[dict[str, Callable[[str], Any]]] = {}


def own(kind: str, look: Callable[[str], Any]) -> None:
    """Say which names a room uses itself, whatever plugins claim: ``look(name)`` returns the part, or None."""
    _OWN[kind] = look


def load(kind: str, name: str) -> Any:
    """Load what an installed package offers under a name.

    Raises
    ------
    WrongContract
        It was written for another major version of the contract.
    HalError
        The kind or name is unknown, two packages claim the name, or its package cannot be imported.
    """
    if kind not in KINDS:
        raise HalError(f"kind = {show(kind)}: must be one of {', '.join(KINDS)}")
    points = list(entry_points(group=KINDS[kind].group, name=name))
    if not points:
        known = sorted({point.name for point in entry_points(group=KINDS[kind].group)})
        raise HalError(f"{kind} = {show(name)}: is not installed; installed are {', '.join(known) or 'none'}")
    if len({point.value for point in points}) > 1:
        claims = " and ".join(sorted(point.value for point in points))
        raise HalError(f"{kind} = {show(name)}: is claimed by {claims}; uninstall one")
    return _loaded(kind, points[0])


def load_object(text: str) -> Any:
    """Import ``package.module:Name``. It runs the module's code: only for names that a user typed.

    Raises
    ------
    HalError
        The text has another form, or the module or name cannot be imported.
    """
    module, colon, path = text.partition(":")
    if not colon or not module or not all(part.isidentifier() for part in path.split(".")):
        raise HalError(f"{show(text)}: write package.module:Name")
    try:
        found: Any = importlib.import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
    except Exception as error:
        raise HalError(f"{show(text)}: cannot be imported: {_said(error)}") from error
    return found


def find() -> list[Plugin]:
    """Every installed plugin of every kind, loaded or with the reason why not; sorted by kind and name.

    Whatever a plugin raises while it is imported is caught and told, so that one cannot hide the others.
    """
    out: list[Plugin] = []
    for kind in KINDS.values():
        for point in sorted(entry_points(group=kind.group), key=lambda point: (point.name, point.value)):
            contract, error = "", ""
            try:
                made = load(kind.name, point.name)
                contract = "{}.{}".format(*kind.admit(made, called=point.name))
                error = _hidden(kind.name, point.name, made)
            except HalError as failed:
                error = str(failed)
            brings = point.dist
            out.append(
                Plugin(
                    kind.name,
                    point.name,
                    point.value,
                    brings.name if brings else "",
                    brings.version if brings else "",
                    contract,
                    error,
                )
            )
    return out


def _hidden(kind: str, name: str, made: Any) -> str:
    """Why a plugin that loads is never used; empty: it is."""
    if kind not in _ROOMS:
        return ""
    importlib.import_module(_ROOMS[kind])
    used = _OWN[kind](name)
    if used is None or used is made:
        return ""
    return f"hidden by the built-in {kind} of that name, so never used; name the entry point otherwise"


def _loaded(kind: str, point: EntryPoint) -> Any:
    try:
        made = point.load()
    except (Exception, SystemExit) as error:  # a plugin that exits while imported must not end its host
        raise HalError(f"its package {point.value!r} failed: {_said(error)}") from error
    KINDS[kind].admit(made, called=point.name)
    wanted = KINDS[kind]
    # A function may make anything: what it makes is looked at when it is made.
    keeps = wanted.makes(made) if isinstance(made, type) else callable(made) or wanted.keeps(made)
    if not keeps:
        raise WrongContract(f"{kind} {point.name!r}: needs {', '.join(wanted.methods)} ({wanted.protocol})")
    return made


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
