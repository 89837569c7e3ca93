"""tools/abi.py: what a release promised may grow, and nothing of it may go or move."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
OLD = ["function hal_place", "struct hal_job 16", "field hal_job.size 0", "field hal_job.name 8"]


@pytest.fixture(scope="module")
def abi() -> ModuleType:
    spec = importlib.util.spec_from_file_location("abi", ROOT / "tools" / "abi.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_appending_keeps_the_promise(abi: ModuleType) -> None:
    grown = ["function hal_new", *OLD[:1], "struct hal_job 24", *OLD[2:], "field hal_job.shape 16"]
    assert abi.broken(OLD, grown) == []


@pytest.mark.parametrize(
    ("now", "lost"),
    [
        (OLD[1:], ["function hal_place"]),
        ([OLD[0], "struct hal_job 8", *OLD[2:]], ["struct hal_job 16"]),
        ([*OLD[:3], "field hal_job.name 16"], ["field hal_job.name 8"]),
        (OLD[:1], OLD[1:]),
    ],
)
def test_what_is_gone_or_moved_is_named(abi: ModuleType, now: list[str], lost: list[str]) -> None:
    assert abi.broken(OLD, now) == lost


def test_the_installed_headers_are_those_that_were_written_down(abi: ModuleType) -> None:
    newest = max((ROOT / "src/halcore/c_api/abi").glob("*.txt"), key=abi.version_of)
    kept = [line for line in newest.read_text().splitlines() if not line.startswith("function ")]
    assert abi.layout() == kept
