"""``hal plugins``."""

from __future__ import annotations

from dataclasses import asdict

import typer

from hal import plugins
from hal.cli.output import AsJson, console, emit_json, table

__all__ = ["command"]


def command(
    *,
    strict: bool = typer.Option(False, "--strict", help="Exit with 1 when one failed to load."),
    as_json: AsJson = False,
) -> None:
    """List the plugins that are installed, and those that failed to load, with the reason."""
    found = plugins.find()
    contracts = {kind.name: "{}.{}".format(*kind.version) for kind in plugins.KINDS.values()}
    if as_json:
        emit_json({"contracts": contracts, "plugins": [asdict(plugin) for plugin in found]})
    else:
        rows = [
            (
                plugin.kind,
                plugin.name,
                f"{plugin.distribution} {plugin.version}".strip(),
                plugin.contract or "-",
                plugin.error or "loaded",
            )
            for plugin in found
        ]
        out = console()
        out.print(table("Plugins", ("kind", "name", "package", "contract", "state"), rows, left=5))
        offered = ", ".join(f"{kind.group} {contracts[kind.name]}" for kind in plugins.KINDS.values())
        out.print(f"This hal offers the contracts {offered}.", markup=False)
    if strict and any(plugin.error for plugin in found):
        raise typer.Exit(1)
