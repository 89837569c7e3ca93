"""``hal explain``."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from hal._show import counted
from hal.cli.names import placing
from hal.cli.output import AsJson, console, emit_json, table
from hal.cluster import Cluster
from hal.files import format_of, read_jobs, read_nodes
from hal.place import place

__all__ = ["command"]


def command(
    job: Annotated[str, typer.Argument(help="Name of the job.")],
    *,
    cluster: Annotated[Path, typer.Option(help="YAML or JSON with nodes.")],
    jobs: Annotated[Path, typer.Option(help="YAML or JSON with jobs; those before it are placed first.")],
    policy: Annotated[
        str, typer.Option(help="Policy by name or composition.", autocompletion=placing)
    ] = "best_fit",
    seed: Annotated[int | None, typer.Option(help="Seed of a policy that draws lots.")] = None,
    top: Annotated[int, typer.Option(min=0, max=1000, help="How many of the best nodes to show.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Say why a job went where it did, or nowhere."""
    nodes = Cluster(read_nodes(cluster, format_of(cluster)))
    told = place(nodes, read_jobs(jobs, format_of(jobs)), policy, seed=seed).explain(job, top=top)
    if as_json:
        emit_json(dataclasses.asdict(told) | {"status": told.status.name})
        return
    out = console()
    out.print(
        f"{told.job}: {told.status.name}; one task fits on {told.feasible} of {counted(told.nodes, 'node')}"
    )
    if told.reasons:
        out.print(table("Why nodes were rejected", ("reason", "nodes"), told.reasons.items()))
    if told.top:
        parts = list(told.top[0][2])
        rows = [(node, f"{total:.6g}", *(f"{of[p]:.6g}" for p in parts)) for node, total, of in told.top]
        out.print(table("Best nodes", ("node", "score", *parts), rows))
    if told.note:
        out.print(f"note: {told.note}")
    if told.missing:
        out.print(f"missing: {told.missing}")
    if told.preemption:
        out.print(f"preemption: {told.preemption}")
