"""``hal simulate``: a baseline and a controller on the same workload, as files, a picture and a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from hal._show import counted
from hal.cli import simulate_study
from hal.cli.output import AsJson, console, emit_json, table
from hal.cli.simulate_progress import bar
from hal.errors import InvalidModel
from hal.study import MACHINES, Cell, draw_traces, save_page, save_trace

app = typer.Typer(invoke_without_command=True)
app.command("study")(simulate_study.command)

#: Figures of the summary that are shown: what multiplies them, and what they are called.
SHOWN = {
    "p95_pending_work": (1.0, "waiting work, 95th percentile, times the capacity"),
    "peak_pending_work": (1.0, "waiting work, peak, times the capacity"),
    "mean_wait": (1.0, "mean wait, s"),
    "mean_slowdown": (1.0, "mean bounded slowdown, times"),
    "mean_sigma": (1.0, "σ, mean, 0 … 1"),
    "mean_utilisation": (100.0, "utilisation, mean, %"),
    "energy_per_job": (1e-3, "energy a job, kJ"),
    "mean_p": (1.0, "p, mean, 0 pack … 1 spread"),
    "finished": (1.0, "jobs finished"),
}


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
    # "static" alone does not say at which p.
    called = {
        name: "static(p=0.5)" if of.controller == "static" else of.controller for name, of in cells.items()
    }
    names = {name: f"{name}: {controller}" for name, controller in called.items()}
    summaries = {name: {key: run.summary[key] for key in SHOWN} for name, run in runs.items()}
    title = f"{workload} at {100 * load:.3g} % load on {counted(nodes, 'node')}"
    figure = draw_traces({names[name]: run.trace for name, run in runs.items()}, title=title)
    figure.savefig(out / "traces.png", dpi=110)
    shown = {
        names[name]: {label: scale * summary[key] for key, (scale, label) in SHOWN.items()}
        for name, summary in summaries.items()
    }
    about = (
        f"{steps:,} steps of {step:g} s, machine {machine}, seed {seed}. {names['baseline']} and {names['adaptive']}, "
        "on the same jobs at the same times."
    )
    scales = [SHOWN[key][1] for key in ("mean_sigma", "mean_utilisation", "mean_p")]
    save_page(out / "index.html", figure, shown, title=title, about=about, differences=scales)
    files += [out / "traces.png", out / "index.html"]
    if as_json:
        emit_json({"summaries": summaries, "files": [str(path) for path in files]})
        return
    rows = [(label, *(f"{summary[label]:,.5g}" for summary in shown.values())) for _, label in SHOWN.values()]
    console().print(table(title, ["", *names.values()], rows))
    console().print("written: " + ", ".join(str(path) for path in files))
