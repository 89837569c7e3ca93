"""``hal bench place``: nodes × shapes × policies; speed, single decisions, memory and quality."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from hal._extras import require
from hal.cli import bench_against
from hal.cli.bench_rows import Row, workload
from hal.cli.objects import listed, policy_named
from hal.cli.output import AsJson, console, emit_json, table, write_text
from hal.cli.progress import progress
from hal.errors import HalError, InvalidModel

__all__ = ["command", "document", "matrix"]


def command(
    *,
    policies: Annotated[
        str, typer.Option(help="Names joined by commas, or package.module:Name.")
    ] = "best_fit,fgd",
    nodes: Annotated[str, typer.Option(help="Numbers of nodes, joined by commas.")] = "1000,10000",
    shapes: Annotated[str, typer.Option(help="Numbers of different requests, joined by commas.")] = "16,151",
    jobs: Annotated[
        int | None,
        typer.Option(
            min=1, max=10**7, help="Jobs to place.", show_default="as many as ask for 110 % of the GPUs"
        ),
    ] = None,
    decisions: Annotated[int, typer.Option(min=1, max=10**6, help="Single decisions a round.")] = 200,
    rounds: Annotated[
        int, typer.Option(min=bench_against.LEAST_ROUNDS, max=1000, help="Rounds of each row.")
    ] = 7,
    seed: Annotated[int, typer.Option(min=0, help="Of the drawn jobs.")] = 1,
    out: Annotated[Path | None, typer.Option(help="Write the JSON here.")] = None,
    against: Annotated[Path | None, typer.Option(help="Compare with the JSON of another run.")] = None,
    fail_under: Annotated[
        float | None,
        typer.Option(min=0.01, max=1, help="Exit with 1 where a row is below this ratio, beyond noise."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Place jobs like OpenB's with each policy; show placements a second, single decisions, memory and allocation.

    The file has pytest-benchmark's form. Ratios leave out how fast the machine was; a change is marked only
    where it is beyond the noise of the rounds.
    """
    if fail_under is not None and against is None:
        raise InvalidModel(f"--fail-under {fail_under:g}: needs --against, the run to compare with")
    if out is not None and not out.parent.is_dir():  # said before minutes are spent
        raise HalError(f"{out}: cannot be written (no such folder)")
    require("pytest_benchmark.stats", extra="testing")
    made = matrix(
        listed("--policies", policies),
        _numbers("--nodes", nodes, 10**6),
        _numbers("--shapes", shapes, 1000),
        jobs=jobs,
        seed=seed,
    )
    then = None if against is None else bench_against.read(against)
    if then is not None and not any(row.name in then for row in made):
        raise InvalidModel(
            f"--against {against}: has none of these rows; give the --policies, --nodes, --shapes and --jobs it was "
            f"made with, as in {next(iter(then), 'an empty file')}"
        )
    with progress(len(made) * rounds) as step:
        for row in made:
            row.warm_up()
        for _ in range(
            rounds
        ):  # round by round, so that a busy minute is noise in every row, not a change in one
            for row in made:
                step(row.name)
                row.measure(decisions)
    found = document(made)
    compared = [] if then is None else bench_against.compare(bench_against.rows(found), then)
    if then is not None:
        found["comparison"] = compared
    if out is not None:
        write_text(out, json.dumps(found, indent=1, allow_nan=False))
    if as_json:
        emit_json(found)
    else:
        _show(made, compared)
    failed = [] if fail_under is None else bench_against.failures(compared, fail_under)
    for line in failed:
        print(line, file=sys.stderr)
    if failed:
        raise typer.Exit(1)


def matrix(
    policies: list[str], nodes: list[int], shapes: list[int], *, jobs: int | None = None, seed: int = 1
) -> list[Row]:
    """Return a row for each policy on each number of nodes and shapes, not measured yet.

    Raises
    ------
    HalError
        A policy is unknown or cannot be used.
    """
    rules = {text: policy_named(text) for text in policies}
    loads = [workload(n, s, jobs, seed=seed) for n in nodes for s in shapes]
    return [Row(text, rule, load) for load in loads for text, rule in rules.items()]


def document(made: list[Row]) -> dict[str, Any]:
    """Return measured rows as pytest-benchmark writes them, with its statistics, machine and commit.

    Raises
    ------
    MissingExtra
        pytest-benchmark is not installed.
    """
    package = require("pytest_benchmark", extra="testing")
    plugin = require("pytest_benchmark.plugin", extra="testing")
    utils = require("pytest_benchmark.utils", extra="testing")
    return {
        "machine_info": plugin.pytest_benchmark_generate_machine_info(),
        "commit_info": utils.get_commit_info(),
        "benchmarks": [_benchmark(row) for row in made],
        "datetime": datetime.now(UTC).isoformat(),
        "version": package.__version__,
    }


def _benchmark(row: Row) -> dict[str, Any]:
    stats = require("pytest_benchmark.stats", extra="testing").Stats()
    for seconds in row.seconds:
        stats.update(seconds)
    params = {key: row.extra_info()[key] for key in ("policy", "nodes", "shapes", "jobs")}
    return {
        "group": "hal bench place",
        "name": row.name,
        "fullname": f"hal bench place::{row.name}",
        "params": params,
        "param": "-".join(str(value) for value in params.values()),
        "extra_info": row.extra_info(),
        "options": {"timer": "perf_counter", "min_rounds": len(row.seconds), "warmup": True},
        "stats": {**stats.as_dict(), "data": row.seconds, "iterations": 1},
    }


def _numbers(option: str, text: str, most: int) -> list[int]:
    out = []
    for part in listed(option, text):
        if not (part.isascii() and part.isdecimal() and len(part) < 10 and 1 <= int(part) <= most):
            raise InvalidModel(f"{option} {text}: must be whole numbers of 1 … {most:,} joined by commas")
        out.append(int(part))
    if len(set(out)) != len(out):
        raise InvalidModel(f"{option} {text}: must be different numbers")
    return out


def _show(made: list[Row], compared: list[dict[str, Any]]) -> None:
    cells = []
    for row in made:
        info = row.extra_info()
        cells.append(
            (
                row.policy,
                f"{info['nodes']:,}",
                info["shapes"],
                f"{info['jobs']:,}",
                f"{info['placements_per_second']:,.0f}",
                f"{info['p50_us']:.1f}",
                f"{info['p99_us']:.1f}",
                f"{info['applied_p50_us']:.1f}",
                f"{info['bytes_per_node']:,.0f}",
                f"{info['demand_percent']:.1f}",
                f"{info['allocation_percent']:.2f}",
            )
        )
    columns = [
        *("policy", "nodes", "shapes", "jobs", "placed/s", "decision p50 µs", "p99 µs"),
        *("applied p50 µs", "bytes a node", "GPUs asked %", "allocated %"),
    ]
    screen = console()
    screen.print(table("Placing one by one, medians of the rounds", columns, cells))
    if compared:
        screen.print(
            table(
                "Times as fast as the other run, with the band of noise",
                ("row", *bench_against.METRICS, "machine", "allocated, points"),
                [
                    (
                        row["name"],
                        *(_ratio(row[metric]) for metric in bench_against.METRICS),
                        f"{row['machine']:.2f}",
                        f"{row['allocation_points']:+.2f}",
                    )
                    for row in compared
                ],
            )
        )


def _ratio(found: dict[str, Any]) -> str:
    mark = "" if not found["changed"] else " faster" if found["ratio"] > 1 else " SLOWER"
    return f"{found['ratio']:.2f} ({found['low']:.2f} … {found['high']:.2f}){mark}"
