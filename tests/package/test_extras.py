"""What is imported without the extras: the base rooms as ever, the others with the command that installs them."""

from __future__ import annotations

import json
import subprocess
import sys

# Of what is installed, only the base dependencies may be found.
PROBE = """
import importlib, importlib.abc, json, pkgutil, sys

BASE = {"hal", "numpy", "pydantic", "pydantic_core", "typing_extensions", "annotated_types", "typing_inspection"}

class OnlyBase(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in BASE and top not in sys.stdlib_module_names and not top.startswith("_"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, OnlyBase())
import hal

told = {}
for room in pkgutil.iter_modules(hal.__path__):
    try:
        importlib.import_module(f"hal.{room.name}")
    except hal.MissingExtra as error:
        told[room.name] = str(error)
print(json.dumps(told))
"""


def test_rooms_that_need_an_extra_name_the_command_and_the_others_need_none() -> None:
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {
        "native_numba": "numba is not installed: pip install 'hal-core[numba]'",
        "server": "fastapi is not installed: pip install 'hal-core[server]'",
        "testing": "hypothesis is not installed: pip install 'hal-core[testing]'",
    }
