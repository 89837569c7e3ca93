"""Optional dependencies: imported when first used, and named by the command that installs them."""

from __future__ import annotations

import importlib
from typing import Any

from hal.errors import MissingExtra

__all__ = ["require"]


def require(module: str, *, extra: str) -> Any:
    """Import an optional dependency.

    Parameters
    ----------
    module : str
        Import name, ``"matplotlib.pyplot"``.
    extra : str
        The extra of ``hal-core`` that brings it, ``"plot"``.

    Returns
    -------
    module
        Typed ``Any``: the base install has no stubs for it.

    Raises
    ------
    MissingExtra
        The module is not installed; the message is the pip line that fixes it.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or module.split(".")[0] != error.name.split(".")[0]:
            raise  # a broken dependency of the dependency: pip's line would not help
        raise MissingExtra(f"{module} is not installed: pip install 'hal-core[{extra}]'") from error
