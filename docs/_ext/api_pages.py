"""Writes the reference from what is installed: one page a public module, one for the command line.

A name is documented where a user imports it from: in the highest public module whose ``__all__`` has it.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import io
import pkgutil
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer

import hal
from hal.errors import MissingExtra


def public_modules(package: ModuleType) -> Iterator[ModuleType]:
    """Yield the package and all public modules below it, parents first, the command line left out."""
    yield package
    below = []
    for info in pkgutil.iter_modules(getattr(package, "__path__", [])):
        shadowed = not inspect.ismodule(
            getattr(package, info.name, package)
        )  # hal.place is a function to users
        if not info.name.startswith("_") and info.name != "cli" and not shadowed:
            try:
                below.append(importlib.import_module(f"{package.__name__}.{info.name}"))
            except MissingExtra as error:
                raise RuntimeError(f"the documentation imports every module: {error}") from error
    for module in below:
        yield from public_modules(module)


def constant(module: ModuleType, name: str) -> str:
    """Describe a constant by the ``#:`` comment beside it, in whichever module of hal that stands."""
    value = getattr(module, name)
    for source in [sys.modules[key] for key in sorted(sys.modules) if key.split(".")[0] == "hal"]:
        if getattr(source, name, None) is value and str(source.__file__).endswith(".py"):
            comment = ModuleAnalyzer.for_module(source.__name__).find_attr_docs().get(("", name))
            if comment:
                text = textwrap.indent("\n".join(comment), "   ")
                return f".. py:data:: {module.__name__}.{name}\n\n{text}\n"
    return f".. py:data:: {module.__name__}.{name}\n"


def directive(module: ModuleType, name: str) -> str:
    """Return the autodoc directive for one public name."""
    value = getattr(module, name)
    if inspect.isclass(value):
        return f".. autoclass:: {module.__name__}.{name}\n   :members:\n"
    if inspect.isroutine(value):
        return f".. autofunction:: {module.__name__}.{name}\n"
    return constant(module, name)


def module_page(module: ModuleType, seen: set[int]) -> str | None:
    """Return the page of a module, or nothing when all of its names are documented further up."""
    names = [
        name
        for name in getattr(module, "__all__", [])
        if not inspect.ismodule(getattr(module, name)) and id(getattr(module, name)) not in seen
    ]
    if not names:
        return None
    seen.update(id(getattr(module, name)) for name in names)
    head = f".. automodule:: {module.__name__}\n   :no-members:\n"
    body = "\n".join([head, *(directive(module, name) for name in names)])
    return f"# {module.__name__}\n\n```{{eval-rst}}\n{body}```\n"


def command_page() -> str:
    """Return the help of every command, as a terminal without colours shows it."""
    from typer.main import get_command

    from hal.cli.app import build, run
    from hal.cli.registry import COMMANDS

    def section(path: list[str]) -> str:
        shown = io.StringIO()
        with contextlib.redirect_stdout(shown):
            run([*path, "--help"])
        return f"## `{' '.join(['hal', *path])}`\n\n```text\n{shown.getvalue().strip()}\n```\n"

    def walk(command: Any, path: list[str]) -> Iterator[str]:
        yield section(path)
        for name, child in getattr(command, "commands", {}).items():
            yield from walk(child, [*path, name])

    sections = [section([])]
    for entry in sorted(COMMANDS):
        path = entry.split()
        command: Any = get_command(build(path))
        for word in path:
            command = command.commands[word]
        sections.extend(walk(command, path))
    return "# Command line\n\n" + "\n".join(sections)


def write_pages(app: Sphinx) -> None:
    """Write the pages into ``reference/api``, touching only those that changed."""
    folder = Path(app.srcdir) / "reference" / "api"
    folder.mkdir(exist_ok=True)
    seen: set[int] = set()
    pages = {module.__name__: module_page(module, seen) for module in public_modules(hal)}
    pages["hal.cli"] = command_page()
    wanted = {f"{name}.md": text for name, text in pages.items() if text}
    for stale in {path.name for path in folder.glob("*.md")} - wanted.keys():
        (folder / stale).unlink()
    for name, text in wanted.items():
        page = folder / name
        if not page.exists() or page.read_text() != text:
            page.write_text(text)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("builder-inited", write_pages)
    return {"parallel_read_safe": True}
