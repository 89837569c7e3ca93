"""The examples in docstrings say what the code does."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import hal

MODULES = sorted(
    info.name
    for info in pkgutil.walk_packages(hal.__path__, "hal.")
    if not info.name.startswith(("hal._core", "hal.adapters."))
)


@pytest.mark.parametrize("name", ["hal", *MODULES])
def test_examples(name: str) -> None:
    module = importlib.import_module(name)
    options = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    result = doctest.testmod(module, extraglobs={"hal": hal}, optionflags=options)
    assert result.failed == 0
