"""``hal topology``: look at a topology file."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from hal.cli.output import AsJson, console, emit_json
from hal.errors import InvalidModel
from hal.topology import Topology, _draw, from_slurm, from_yaml

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Look at topologies."""  # Typer would otherwise make the only command the group itself


def _load(file: Path) -> Topology:
    return from_yaml(file) if file.suffix.lower() in (".yaml", ".yml", ".json") else from_slurm(file)


def _placement(file: Path) -> dict[str, list[str]]:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidModel(f"placement: cannot read {str(file)!r}: {error}") from None
    if not isinstance(data, dict) or not all(
        isinstance(nodes, list) and all(isinstance(node, str) for node in nodes) for nodes in data.values()
    ):
        raise InvalidModel('placement: give a JSON object of node lists by job, {"train": ["n1", "n2"]}')
    return data


@app.command()
def show(
    file: Annotated[Path, typer.Argument(help="topology.conf of Slurm, or a .yaml/.json topology.")],
    placement: Annotated[
        Path | None, typer.Option(help='JSON of the nodes of each job: {"train": ["n1", "n2"]}.')
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Save a picture (.png, .svg, .pdf).")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Most nodes and domains shown below one domain.")] = 16,
    as_json: AsJson = False,
) -> None:
    """Draw a topology as a tree, with a placement on it."""
    topology = _load(file)
    jobs = {} if placement is None else _placement(placement)
    drawn = _draw.tree(topology, placement=jobs, limit=limit)
    if plot is not None:
        _draw.plot(topology, plot, placement=jobs)
    if as_json:
        emit_json(_plain(topology, jobs))
        return
    out = console()
    out.print(drawn)
    out.print(
        "levels: "
        + ", ".join(
            f"{level.name} (distance {level.distance}"
            + (f", {level.latency} ns" if level.latency else "")
            + (f", {level.bandwidth} MiB/s" if level.bandwidth else "")
            + ")"
            for level in topology.levels
        ),
        markup=False,
    )
    if plot is not None:
        out.print(f"saved {plot}", markup=False)


def _plain(topology: Topology, jobs: dict[str, list[str]]) -> dict[str, Any]:
    """Return the levels, the domains above each node from the root down, and how far apart each job's nodes are."""
    spans = {}
    for job, nodes in jobs.items():
        apart = topology.distances(sorted(set(nodes)))
        spans[job] = {"nodes": nodes, "greatest_distance": int(apart.max(initial=0))}
    return {
        "levels": [asdict(level) for level in topology.levels],
        "nodes": {node: list(topology.path(node)) for node in topology.nodes},
        "placement": spans,
    }
