"""``hal reserve``: plan the requests of a file on the cluster of a file, and have an orchestrator keep the plan."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hal.cli import reserve_apply
from hal.cli.output import AsJson, console, emit_json, in_folder, table
from hal.cluster import Cluster
from hal.files import format_of, read_nodes
from hal.reserve import Plan, PlanStatus, solve
from hal.reserve._times import parse_time, show_time
from hal.reserve.files import read_requests
from hal.topology import Topology, from_slurm, from_yaml

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True)


@app.callback()
def group() -> None:
    """Plan reservations."""


app.command("apply")(reserve_apply.command)


@app.command("solve")
def solve_command(
    requests: Annotated[Path, typer.Argument(help="YAML or JSON with requests and maintenance.")],
    cluster: Annotated[Path, typer.Option(help="YAML or JSON with nodes.")],
    topology: Annotated[Path | None, typer.Option(help="Topology: YAML or Slurm's topology.conf.")] = None,
    now: Annotated[
        str | None, typer.Option(help="Nothing starts before: seconds, 2h, or an ISO time.")
    ] = None,
    time_limit: Annotated[
        float, typer.Option(help="Seconds after which the best plan so far is taken.")
    ] = 10.0,
    seed: Annotated[int, typer.Option(help="Seed of the search.")] = 0,
    store: Annotated[
        str | None,
        typer.Option(help="Keep the promises of this store (URL or SQLite file) and add the plan to it."),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(callback=in_folder, help="Draw the plan to this file (.png, .svg, .pdf).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Plan the requests of a file, and say what cannot be kept; exit 1 unless all have a place."""
    document = read_requests(requests)
    machine = Cluster(read_nodes(cluster, format_of(cluster)))
    begin = None if now is None else parse_time(int(now) if now.isdigit() else now, field="now")
    promises = []
    if store is not None:
        from hal.cli.reserve_store import read_promises

        promises = read_promises(store)
    plan = solve(
        document.requests,
        machine,
        objective=document.objective,
        caches=document.caches,
        topology=None if topology is None else _topology(topology),
        promises=promises,
        now=begin,
        time_limit=time_limit,
        seed=seed,
    )
    complete = plan.status in (PlanStatus.OPTIMAL, PlanStatus.FEASIBLE)
    if plot is not None and plan.bookings:
        plan.plot(plot)
    if store is not None and complete:
        from hal.cli.reserve_store import keep

        keep(store, machine, document.caches, plan, {booking.name for booking in promises})
    if as_json:
        emit_json(plan.to_dict())
    else:
        _print(plan)
    if not complete:
        raise typer.Exit(1)


def _topology(file: Path) -> Topology:
    return from_yaml(file) if file.suffix.lower() in (".yaml", ".yml", ".json") else from_slurm(file)


def _print(plan: Plan) -> None:
    out = console()
    rows = [
        (b.name, show_time(b.start), show_time(b.end), _nodes(b.nodes))
        for b in sorted(plan, key=lambda b: (b.start, b.name))
    ]
    if rows:
        out.print(table("Plan", ("request", "start", "end", "nodes"), rows, left=4))
    for name in plan.unplaced:
        out.print(f"not placed: {name}", markup=False)
    for reason in plan.reasons:
        out.print(reason, markup=False)
    found = (
        f"{plan.status}: objective {plan.objective:,.6g}, bound {plan.bound:,.6g}, gap {100 * plan.gap:.1f} %"
    )
    if plan.list_objective is not None:
        found += f", list scheduler {plan.list_objective:,.6g}"
    out.print(f"{found}, {plan.seconds:.2f} s", markup=False)


def _nodes(nodes: tuple[str, ...]) -> str:
    parts = [
        f"{node} × {count}" if (count := nodes.count(node)) > 1 else node for node in dict.fromkeys(nodes)
    ]
    return ", ".join(parts[:8]) + (f", … ({len(parts)})" if len(parts) > 8 else "")
