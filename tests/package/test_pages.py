"""The Python that a reader sees is Python that runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(path for path in (ROOT / "docs").rglob("*.md") if not {"_build", "api"} & set(path.parts))


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_block_of_python_goes_unchecked(page: Path) -> None:
    fences = re.findall(r"^ *(?:```|:::)(.*)$", page.read_text(), flags=re.MULTILINE)
    unchecked = [
        fence for fence in fences if re.fullmatch(r"(python|py|pycon|\{code-block\} *py.*)", fence.strip())
    ]
    assert not unchecked, (
        "write {doctest} or {testcode} instead of python, or include a script of docs/examples"
    )


def test_the_links_of_the_readme_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", (ROOT / "README.md").read_text())
    assert len(links) > 5
    assert not [link for link in links if not (ROOT / link).exists()]


def test_the_readme_runs(capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(
        r"^```python\n(.*?)^```$", (ROOT / "README.md").read_text(), flags=re.MULTILINE | re.DOTALL
    )
    assert len(blocks) == 1
    lines = [line for line in blocks[0].splitlines() if line.strip()]
    assert len(lines) <= 15, "ten lines or so: the README is one screen"
    exec(compile(blocks[0], "README.md", "exec"), {})
    assert capsys.readouterr().out
