"""``hal simulate``: a baseline and a controller on the same workload, as files, a picture and a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from hal.cli import simulate_study
from hal.cli.output import AsJson, console, emit_json, table
from hal.cli.simulate_progress import bar
from hal.errors import InvalidModel
from hal.study import MACHINES, Cell, draw_traces, save_page, save_trace

app = typer.Typer(invoke_without_command=True)
app.command("study")(simulate_study.command)

#: Figures of the summary that are shown.
SHOWN = (
    "p95_pending_work",
    "peak_pending_work",
    "mean_wait",
    "mean_slowdown",
    "mean_sigma",
    "mean_utilisation",
    "energy_per_job",
    "mean_p",
    "finished",
)


@app.callback()
def command(
    context: typer.Context,
    *,
    nodes: Annotated[int, typer.Option(min=1, max=10**6, help="Nodes of the cluster.")] = 200,
    steps: Annotated[int, typer.Option(min=2, max=10**7, help="Control steps.")] = 1500,
    step: Annotated[float, typer.Option(help="Seconds of a control step.")] = 10.0,
    controller: Annotated[
        str, typer.Option(help='"pid", "heuristic", "bayesian", "mpc", or with settings "pid(setpoint=0.8)".')
    ] = "pid",
    baseline: Annotated[
        str, typer.Option(help='What to compare with: "static", "static(p=0)", …')
    ] = "static",
    workload: Annotated[str, typer.Option(help="poisson, bursty, diurnal, openb or step.")] = "bursty",
    load: Annotated[float, typer.Option(help="Offered load; 0.6 is 60 % of the capacity.")] = 0.6,
    machine: Annotated[
        str, typer.Option(help=f"What nodes draw and feel: {', '.join(MACHINES)}.")
    ] = "published",
    seed: Annotated[int, typer.Option(min=0, help="Of the workload.")] = 0,
    out: Annotated[Path, typer.Option(help="Folder of traces and pictures.")] = Path("hal-simulate"),
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Write CSV even where Parquet can be written.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Simulate a cluster twice, with a baseline and with a controller, and compare."""
    if context.invoked_subcommand is not None:
        return
    shared: dict[str, Any] = {
        "workload": workload,
        "load": load,
        "seed": seed,
        "machine": machine,
        "nodes": nodes,
        "seconds": steps * step,
        "step": step,
    }
    cells = {
        "baseline": Cell(controller=baseline, **shared),
        "adaptive": Cell(controller=controller, **shared),
    }
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidModel(f"out: {str(out)!r} cannot be made: {error}") from None
    runs, files = {}, []
    with bar(2000, "simulating") as report:
        for index, (name, cell) in enumerate(cells.items()):

            def told(share: float, done: int = index) -> None:
                report(round(1000 * (done + share)), 2000)

            runs[name] = cell.simulate(told)
            files.append(save_trace(runs[name].trace, out, name, parquet=False if as_csv else None))
    names = {name: f"{name}: {cell.controller}" for name, cell in cells.items()}
    summaries = {name: {key: run.summary[key] for key in SHOWN} for name, run in runs.items()}
    title = f"{workload} at {load:.0%} on {nodes} nodes"
    figure = draw_traces({names[name]: run.trace for name, run in runs.items()}, title=title)
    figure.savefig(out / "traces.png", dpi=110)
    save_page(
        out / "index.html", figure, {names[name]: summary for name, summary in summaries.items()}, title=title
    )
    files += [out / "traces.png", out / "index.html"]
    if as_json:
        emit_json({"summaries": summaries, "files": [str(path) for path in files]})
        return
    rows = [(key, *(f"{summaries[name][key]:,.4g}" for name in summaries)) for key in SHOWN]
    console().print(table(title, ["", *names.values()], rows))
    console().print("written: " + ", ".join(str(path) for path in files))
