"""``hal check``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from hal import policies
from hal.cli.objects import named
from hal.cli.output import AsJson, console, emit_json, table
from hal.cli.progress import progress
from hal.errors import InvalidModel

__all__ = ["command"]


def command(
    policy: Annotated[
        list[str] | None, typer.Argument(help="Names, or package.module:Name.", show_default=False)
    ] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Check every policy that is known by name.")] = False,
    check: Annotated[list[str] | None, typer.Option(help="Only this check; may come several times.")] = None,
    examples: Annotated[int, typer.Option(min=1, max=100_000, help="Situations to try.")] = 50,
    list_checks: Annotated[
        bool, typer.Option("--list", help="List the checks and the reasons for them.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Try to break policies: every safety property, over many small clusters; what fails is shown as code to paste."""
    from hal import testing

    if list_checks:
        _list(testing.CHECKS, as_json)
        return
    asked = [*(policy or []), *(policies.names() if every else [])]
    if not asked:
        raise InvalidModel("give a policy, such as best_fit or mypackage:MyPolicy, or --all")
    report: dict[str, Any] = {}
    with progress(len(asked)) as step:
        for text in asked:
            step(text)
            report[text] = testing.check_policy(named(text), checks=check, max_examples=examples)
    failed = any(result.outcome == "broken" for results in report.values() for result in results)
    if as_json:
        emit_json({text: [vars(result) for result in results] for text, results in report.items()})
    else:
        _show(report)
    if failed:
        raise typer.Exit(1)


def _show(report: dict[str, Any]) -> None:
    out = console()
    rows = []
    for text, results in report.items():
        count = dict.fromkeys(("kept", "broken", "opted out", "not asked"), 0)
        for result in results:
            count[result.outcome] += 1
        rows.append((text, *count.values()))
    out.print(table("Checks", ("policy", "kept", "broken", "opted out", "not asked"), rows))
    for text, results in report.items():
        for result in results:
            if result.outcome == "opted out":
                out.print(f"{text}: opts out of {result.check}: {result.text}", markup=False)
            if result.outcome == "broken":
                out.print(f"\n{text}: breaks {result.check}: {result.text}\n", markup=False)
                print(result.code)


def _list(checks: Any, as_json: bool) -> None:
    rows = [(item.name, item.reason, "may opt out" if item.may_opt_out else "") for item in checks.values()]
    if as_json:
        emit_json([{"name": n, "reason": why, "may_opt_out": bool(out)} for n, why, out in rows])
    else:
        console().print(table("Checks", ("check", "why", ""), rows, left=3))
