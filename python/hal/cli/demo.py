"""``hal demo``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from hal import policies
from hal.cli.output import AsJson, console, emit_json, table
from hal.errors import MissingExtra
from hal.replay import openb
from hal.replay.openb.synthetic import synthetic_nodes, synthetic_tasks

__all__ = ["command"]

_SEED = 42


def command(
    *,
    jobs: Annotated[
        int, typer.Option(min=1, max=10**6, help="Jobs to draw (without the real trace).")
    ] = 10_000,
    plot: Annotated[Path, typer.Option(help="Picture of allocation against arrived demand.")] = Path(
        "hal-demo.png"
    ),
    as_json: AsJson = False,
) -> None:
    """Place 10,000 GPU jobs on 1,213 nodes with three policies and compare. $HAL_TRACES, if set, has the real trace."""
    third = "expected_waste" if "expected_waste" in policies.names() else "random"
    if os.environ.get("HAL_TRACES"):
        experiment, source = (
            openb.Experiment.load("default"),
            "the OpenB trace, inflated to 130 % of the GPUs",
        )
    else:
        experiment, source = _synthetic(jobs), "drawn from the published shares of OpenB's requests"
    runs = [openb.run(experiment, name, _SEED) for name in ("best_fit", "fgd", third)]
    picture = _draw(plot, runs)
    last = {done.policy: _final(done) for done in runs}
    if as_json:
        rows = [
            {
                "policy": done.policy,
                "arrivals": done.arrivals,
                "placed": done.placed,
                "allocation_percent": last[done.policy][0],
                "fragmentation_percent": last[done.policy][1],
                "placements_per_second": round(done.arrivals / done.seconds),
            }
            for done in runs
        ]
        emit_json({"nodes": len(experiment.nodes), "source": source, "policies": rows, "plot": picture})
        return
    out = console()
    out.print(f"{runs[0].arrivals:,} jobs, {source}, arrive one by one on {len(experiment.nodes):,} nodes")
    cells = [
        (
            done.policy,
            f"{done.placed:,}",
            *(f"{v:.2f}" for v in last[done.policy]),
            f"{done.arrivals / done.seconds:,.0f}",
        )
        for done in runs
    ]
    columns = ("policy", "placed", "GPUs allocated %", "fragmented %", "placements/s")
    out.print(table("After the last arrival", columns, cells))
    best, base = max(runs, key=lambda done: last[done.policy][0]), runs[0]
    won = (last[best.policy][0] - last[base.policy][0]) / 100 * experiment.nodes.gpu_capacity / 1000
    if best is not base:
        out.print(f"{best.policy} puts {won:.0f} more GPUs to work than {base.policy}, on the same cluster.")
    out.print(f"plot: {picture}" if picture else "no plot: pip install 'hal-core[plot]'")


def _synthetic(jobs: int) -> openb.Experiment:
    return openb.Experiment("synthetic", synthetic_nodes(), synthetic_tasks(jobs, seed=_SEED), in_order=True)


def _draw(path: Path, runs: list[openb.Run]) -> str | None:
    from hal.replay.openb.plot import save_plot

    try:
        save_plot(path, runs)
    except MissingExtra:
        return None
    return str(path)


def _final(done: openb.Run) -> tuple[float, float]:
    """Allocation and fragmentation at the last percent that was reached."""
    at = int(np.flatnonzero(np.isfinite(done.allocation))[-1])
    return float(done.allocation[at]), float(done.fragmentation[at])
