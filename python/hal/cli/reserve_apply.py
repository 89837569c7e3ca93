"""``hal reserve apply``: a plan as reservations of an orchestrator."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from hal.cli.adapter import Name, Options, connect
from hal.cli.output import AsJson, console, emit_json, table
from hal.errors import AdapterError, InvalidModel

__all__ = ["command"]


def command(
    plan: Annotated[Path, typer.Argument(help="What `hal reserve solve --json` printed.")],
    adapter: Name,
    option: Options = None,
    users: Annotated[str, typer.Option(help="Who may use them, with commas; else who runs this.")] = "",
    from_now: Annotated[
        bool, typer.Option("--from-now", help="The plan's times count from now, not from 1970.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make the reservations of a plan, change those that differ, and check them; exit 1 unless all are there."""
    from hal.adapters.contract import Reserves

    wanted = _read(plan, int(time.time()) if from_now else 0)
    source = connect(adapter, option)
    try:
        if not isinstance(source, Reserves):
            raise AdapterError(f"adapter {adapter}: its orchestrator has no reservations")
        answers = source.reserve(wanted, users=users)
    finally:
        source.close()
    rows = [(answer.job, answer.outcome.value, answer.detail) for answer in answers]
    if as_json:
        emit_json([{"name": name, "outcome": outcome, "detail": detail} for name, outcome, detail in rows])
    else:
        console().print(table(f"{adapter}: reservations", ("request", "outcome", "detail"), rows, left=3))
    if not all(answer.outcome.holds for answer in answers):
        raise typer.Exit(1)


def _read(path: Path, origin: int) -> list[Any]:
    from hal.adapters.contract import Reserved

    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return [
            Reserved(
                str(row["name"]),
                origin + int(row["start"]),
                origin + int(row["end"]),
                tuple(str(node) for node in row["nodes"]),
                bool(row.get("maintenance")),
            )
            for row in document["bookings"]
        ]
    except OSError as error:
        raise InvalidModel(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidModel(f"{path}: is no plan of hal reserve solve --json ({error!r:.80})") from None
