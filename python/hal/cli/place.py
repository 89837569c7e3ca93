"""``hal place``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from hal.answer import Placement, Status
from hal.cli.names import placing
from hal.cli.output import AsJson, console, emit_json, table
from hal.cluster import Cluster
from hal.files import format_of, read_jobs, read_nodes
from hal.place import place

__all__ = ["command"]


def command(
    *,
    cluster: Annotated[Path, typer.Option(help="YAML or JSON with nodes.")],
    jobs: Annotated[Path, typer.Option(help="YAML or JSON with jobs.")],
    policy: Annotated[
        str, typer.Option(help="Policy by name or composition.", autocompletion=placing)
    ] = "best_fit",
    order: Annotated[str, typer.Option(help="given, priority, largest_first or smallest_first.")] = "given",
    seed: Annotated[int | None, typer.Option(help="Seed of a policy that draws lots.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 when a job is not placed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Place the jobs of a file on the cluster of a file."""
    nodes = Cluster(read_nodes(cluster, format_of(cluster)))
    placements = place(nodes, read_jobs(jobs, format_of(jobs)), policy, order=order, seed=seed)
    counts = placements.counts()
    if as_json:
        emit_json(
            {
                "policy": placements.policy.name,
                "counts": {status.name: count for status, count in counts.items()},
                "placements": [_plain(answer) for answer in placements],
            }
        )
    else:
        rows = [
            (
                p.job,
                p.status.name,
                ", ".join(_task(node, gpus) for node, gpus in zip(p.nodes, p.gpus, strict=True)),
            )
            for p in placements
        ]
        out = console()
        out.print(
            table(f"Placements by {placements.policy.name}", ("job", "status", "node:GPUs"), rows, left=3)
        )
        out.print(", ".join(f"{count} {status.name}" for status, count in counts.items()))
    if strict and counts[Status.PLACED] < len(placements):
        raise typer.Exit(1)


def _plain(answer: Placement) -> dict[str, Any]:
    return {
        "job": answer.job,
        "status": answer.status.name,
        "nodes": list(answer.nodes),
        "gpus": [list(gpus) for gpus in answer.gpus],
        "scores": list(answer.scores),
    }


def _task(node: str, gpus: tuple[int, ...]) -> str:
    return f"{node}:{','.join(map(str, gpus))}" if gpus else node
