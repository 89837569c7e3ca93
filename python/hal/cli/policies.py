"""``hal policies``."""

from __future__ import annotations

import inspect

from hal import policies
from hal.cli.output import AsJson, console, emit_json, table
from hal.policies.registry import factory

__all__ = ["command"]


def command(*, as_json: AsJson = False) -> None:
    """List the policies and what they assume."""
    known = {name: inspect.getdoc(factory(name)) or "" for name in policies.names()}
    if as_json:
        emit_json([{"name": name, "description": text} for name, text in known.items()])
        return
    rows = [(name, text.split("\n\n")[0].replace("\n", " ")) for name, text in known.items()]
    out = console()
    out.print(table("Policies", ("name", "what it does"), rows, left=2))
    out.print(
        'Compose them by name: "fgd + 0.5 * spread", "pack_spread(0.3)"; help(hal.policies.Fgd) says more.'
    )
