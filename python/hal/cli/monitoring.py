"""``hal monitoring``: what watches ``hal serve``."""

from __future__ import annotations

import json

import typer

from hal._extras import require

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Print what watches `hal serve`.")


@app.command()
def dashboard() -> None:
    """Print the dashboard for Grafana (JSON)."""
    require("fastapi", extra="server")
    from hal.server.dashboard import dashboard as made

    typer.echo(json.dumps(made(), indent=2, ensure_ascii=False))


@app.command()
def alerts() -> None:
    """Print the alert rules for Prometheus (YAML)."""
    require("fastapi", extra="server")
    yaml = require("yaml", extra="server")
    from hal.server.alerts import rules

    typer.echo(yaml.safe_dump(rules(), sort_keys=False, allow_unicode=True, width=110), nl=False)
