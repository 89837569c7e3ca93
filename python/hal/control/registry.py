"""Controllers by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from hal._show import show
from hal.control.bayesian import Bayesian
from hal.control.contract import Controller
from hal.control.heuristic import Heuristic
from hal.control.mpc import Mpc
from hal.control.pid import Pid
from hal.control.static import Static
from hal.errors import InvalidModel

__all__ = ["make", "names"]

_CONTROLLERS: Final[dict[str, Callable[..., Controller]]] = {
    "static": Static,
    "heuristic": Heuristic,
    "pid": Pid,
    "bayesian": Bayesian,
    "mpc": Mpc,
}


def names() -> list[str]:
    """Return the names of the built-in controllers."""
    return list(_CONTROLLERS)


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
    """
    if name not in _CONTROLLERS:
        raise InvalidModel(f"controller = {show(name)}: must be one of {', '.join(_CONTROLLERS)}")
    try:
        return _CONTROLLERS[name](**settings)
    except TypeError as error:
        raise InvalidModel(f"controller {name}: {error}") from None
