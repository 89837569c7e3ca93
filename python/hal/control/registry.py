"""Controllers by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any, Final

from hal._show import show
from hal.control.bayesian import Bayesian
from hal.control.contract import Controller
from hal.control.heuristic import Heuristic
from hal.control.mpc import Mpc
from hal.control.pid import Pid
from hal.control.static import Static
from hal.errors import InvalidModel
from hal.plugins import KINDS, load
from hal.plugins.finding import own

__all__ = ["make", "names"]

_CONTROLLERS: Final[dict[str, Callable[..., Controller]]] = {
    "static": Static,
    "heuristic": Heuristic,
    "pid": Pid,
    "bayesian": Bayesian,
    "mpc": Mpc,
}
own("controller", _CONTROLLERS.get)


def names() -> list[str]:
    """Return the names of the built-in controllers, then of those that other packages bring."""
    brought = {point.name for point in entry_points(group=KINDS["controller"].group)}
    return [*_CONTROLLERS, *sorted(brought - _CONTROLLERS.keys())]


def make(name: str, **settings: Any) -> Controller:
    """Return a new controller.

    Parameters
    ----------
    name : str
        One of `names`.
    **settings
        Of that controller.

    Raises
    ------
    InvalidModel
        There is no such controller or setting.
    HalError
        It comes from another package and does not load, or was written for another contract.
    """
    known = names()
    if name not in known:
        raise InvalidModel(f"controller = {show(name)}: must be one of {', '.join(known)}")
    create = _CONTROLLERS.get(name) or load("controller", name)
    takes = inspect.signature(create).parameters
    wrong = [setting for setting in settings if setting not in takes]
    if wrong and not any(of.kind is of.VAR_KEYWORD for of in takes.values()):
        raise InvalidModel(
            f"controller {name}: {wrong[0]} = {show(settings[wrong[0]])}: is no setting; "
            f"it has {', '.join(takes) or 'none'}"
        )
    try:
        made: Controller = create(**settings)
        return made
    except TypeError as error:
        raise InvalidModel(f"controller {name}: {error}") from None
