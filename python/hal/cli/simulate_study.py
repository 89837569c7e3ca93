"""``hal simulate study``: controllers against every static p, with confidence intervals."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from hal._show import counted
from hal.cli.output import AsJson, console, emit_json
from hal.cli.simulate_progress import bar
from hal.study import ENGINES, Store, run_cells
from hal.study.judgement import judge
from hal.study.protocol import ASSUMED, METRICS, Study, markdown
from hal.study.study_picture import draw_study

__all__ = ["command"]


def command(
    *,
    seeds: Annotated[int, typer.Option(min=1, max=1000, help="Seeds of each workload.")] = 10,
    nodes: Annotated[int, typer.Option(min=1, max=10**5, help="Nodes of each cluster.")] = 100,
    hours: Annotated[float, typer.Option(min=0.01, max=10_000, help="Simulated hours of each run.")] = 3.0,
    workers: Annotated[int, typer.Option(min=1, max=1024, help="Processes.")] = os.cpu_count() or 1,
    engine: Annotated[str, typer.Option(help=f"Where to run: {' or '.join(ENGINES)}.")] = "local",
    out: Annotated[Path, typer.Option(help="Folder of results; what is there is not run again.")] = Path(
        "hal-study"
    ),
    assumed: Annotated[
        bool,
        typer.Option("--assumed", help="Instead with half and twice the slowing by crowds, and slow wakes."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run the whole study: workloads, loads, every static p and every controller. Resumes where it was stopped."""
    workloads = ["poisson", "bursty", "diurnal"]
    if os.environ.get("HAL_TRACES"):
        workloads.append("openb")
    else:
        console(stderr=True).print("openb is left out: set HAL_TRACES to the folder of traces")
    settings: dict[str, Any] = {"machines": ASSUMED} if assumed else {}
    study = Study(seeds=seeds, nodes=nodes, seconds=3600 * hours, workloads=workloads, **settings)
    cells, store = study.cells(), Store(out / "results.jsonl")
    with bar(len(cells), "study", kept=out / "results.jsonl") as report:
        ran = run_cells(cells, store, engine=engine, workers=workers, progress=report)
    verdicts = judge(study, store)
    text = "\n".join(markdown(study.rows(store, metric), metric) for metric in METRICS)
    text += "\n" + "\n".join(f"- {line}" for line in verdicts) + "\n"
    (out / "study.md").write_text(text, "utf-8")
    draw_study(study, store).savefig(out / "study.png", dpi=110)
    if as_json:
        emit_json({"cells": len(cells), "ran": ran, "verdicts": verdicts, "tables": str(out / "study.md")})
        return
    for line in verdicts:
        console().print(line)
    console().print(f"{counted(len(cells), 'simulation')}, {ran} of them now; tables: {out / 'study.md'}")
