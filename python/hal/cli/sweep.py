"""``hal sweep``: a grid of simulations, in processes here or on a Ray cluster, resumable."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Annotated

import typer

from hal._show import counted, show
from hal.cli.output import AsJson, console, emit_json, table
from hal.cli.simulate_progress import bar
from hal.errors import InvalidModel
from hal.study import ENGINES, MACHINES, Cell, Store, estimate, run_cells
from hal.study.cell import FIGURES, WORKLOADS, controller_of

__all__ = ["command"]


def command(
    *,
    workload: Annotated[
        list[str] | None,
        typer.Option(help=f"{', '.join(WORKLOADS)}; may come several times. Default: poisson."),
    ] = None,
    load: Annotated[list[float] | None, typer.Option(help="May come several times. Default: 0.6.")] = None,
    controller: Annotated[
        list[str] | None,
        typer.Option(help='May come several times: "pid", "static(p=0.25)". Default: pid and static(p=0.5).'),
    ] = None,
    policy: Annotated[
        list[str] | None,
        typer.Option(help="May come several times; the controller turns the pack_spread in it."),
    ] = None,
    machine: Annotated[
        list[str] | None,
        typer.Option(help=f"{', '.join(MACHINES)}; may come several times. Default: published."),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, max=10_000, help="Seeds 0, 1, …")] = 3,
    nodes: Annotated[int, typer.Option(min=1, max=10**5, help="Nodes of each cluster.")] = 100,
    hours: Annotated[float, typer.Option(min=0.01, max=10_000, help="Simulated hours of each.")] = 3.0,
    engine: Annotated[str, typer.Option(help=f"Where to run: {' or '.join(ENGINES)}.")] = "local",
    workers: Annotated[int, typer.Option(min=1, max=1024, help="Local processes, with --engine local.")] = 1,
    address: Annotated[
        str | None,
        typer.Option(help="Of the Ray cluster; without it one is started here.", show_default=False),
    ] = None,
    metric: Annotated[
        list[str] | None, typer.Option(help="Figure to show, such as p95_wait; may come several times.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Results; what is there is not run again.")] = Path(
        "hal-sweep.jsonl"
    ),
    as_json: AsJson = False,
) -> None:
    """Run seeds x workloads x loads x policies x controllers x machines; show means with 95 % intervals."""
    for name in metric or ():
        if name not in FIGURES:
            raise InvalidModel(f"metric = {show(name)}: must be one of {', '.join(FIGURES)}")
    groups = list(
        itertools.product(
            machine or ["published"],
            workload or ["poisson"],
            load or [0.6],
            policy or ["pack_spread"],
            controller or ["static(p=0.5)", "pid"],
        )
    )
    grid = {
        group: [
            Cell(
                machine=group[0],
                workload=group[1],
                load=group[2],
                policy=group[3],
                controller=group[4],
                seed=seed,
                nodes=nodes,
                seconds=3600 * hours,
            )
            for seed in range(seeds)
        ]
        for group in groups
    }
    for text, on in dict.fromkeys((group[4], group[0]) for group in groups):
        controller_of(text, MACHINES[on].cost)  # before anything runs
    cells, store = [cell for row in grid.values() for cell in row], Store(out)
    with bar(len(cells), "sweep", kept=out) as report:
        ran = run_cells(cells, store, engine=engine, workers=workers, address=address, progress=report)
    shown = metric or ["p95_pending_work", "mean_wait", "mean_sigma", "energy_per_job"]
    means = {
        group: {name: estimate([store[cell].get(name, math.nan) for cell in row]) for name in shown}
        for group, row in grid.items()
    }
    if as_json:
        rows = [
            dict(zip(("machine", "workload", "load", "policy", "controller"), group, strict=True))
            | {name: _finite(value.mean) for name, value in figures.items()}
            for group, figures in means.items()
        ]
        emit_json({"cells": len(cells), "ran": ran, "rows": rows})
        return
    cells_shown = [
        (*map(str, group), *(str(value) for value in figures.values())) for group, figures in means.items()
    ]
    labels = [", ".join(filter(None, (name, FIGURES[name]))) for name in shown]
    head = ["machine", "workload", "load", "policy", "controller", *labels]
    console().print(
        table(f"{counted(len(cells), 'simulation')}, {ran} of them now", head, cells_shown, left=5)
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
