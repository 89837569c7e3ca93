"""What the wheel holds. The tests run against it, so what is installed is what was built."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

import pytest

import hal

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel() -> metadata.Distribution:
    distribution = metadata.distribution("hal-core")
    if not (Path(hal.__file__).parent / "_core.pyi").exists() or str(hal.__file__).startswith(
        str(ROOT / "python")
    ):
        pytest.skip("hal is installed in editable mode; `make test` installs the wheel")
    return distribution


@pytest.fixture(scope="module")
def files(wheel: metadata.Distribution) -> dict[str, Path]:
    return {str(file): Path(str(file.locate())) for file in wheel.files or []}


def test_ships_types_and_adapters(files: dict[str, Path]) -> None:
    assert {"hal/__init__.py", "hal/py.typed", "hal/_core.pyi", "hal/adapters/__init__.py"} <= files.keys()
    assert [name for name in files if re.fullmatch(r"hal/_core\..*\.so", name)]


def test_ships_nothing_else(files: dict[str, Path]) -> None:
    tops = {name.split("/")[0] for name in files} - {"..", f"hal_core-{hal_version()}.dist-info"}
    assert tops == {"hal"}
    strays = [
        name for name in files if re.search(r"(^|/)(tests?|bench|docs)/|test_|conftest|\.(cpp|h|a)$", name)
    ]
    # hal/include is what native scorers are compiled against.
    assert [name for name in strays if not name.startswith(("hal/testing/", "hal/include/"))] == []


def test_ships_what_native_scorers_are_compiled_against(files: dict[str, Path]) -> None:
    assert files["hal/include/hal.h"].parent.resolve() == Path(hal.get_include()).resolve()
    assert {"hal/capi.pxd", "hal/include/hal_plugin.h"} <= files.keys()


def test_holds_no_path_of_the_building_machine(files: dict[str, Path]) -> None:
    built_at = str(ROOT).encode()
    shipped = {
        name: path for name, path in files.items() if name.startswith("hal/") and "__pycache__" not in name
    }
    assert [name for name, path in shipped.items() if built_at in path.read_bytes()] == []


def test_base_dependencies(wheel: metadata.Distribution) -> None:
    base = [line for line in wheel.requires or [] if "extra ==" not in line]
    assert sorted(re.split(r"[^\w-]", line)[0] for line in base) == ["numpy", "pydantic"]


def test_every_extra_is_explained(wheel: metadata.Distribution) -> None:
    page = (ROOT / "docs" / "reference" / "dependencies.md").read_text()
    extras = wheel.metadata.get_all("Provides-Extra") or []
    assert [extra for extra in extras if f"`[{extra}]`" not in page] == []


def hal_version() -> str:
    return metadata.version("hal-core")
