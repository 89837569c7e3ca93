"""``hal advise``: what hal would do with the jobs of an orchestrator, without doing it."""

from __future__ import annotations

from typing import Annotated

import typer

from hal._show import counted
from hal.cli.adapter import Name, Options, connect
from hal.cli.names import placing
from hal.cli.output import AsJson, console, emit_json, table

__all__ = ["command"]


def command(
    adapter: Name,
    option: Options = None,
    policy: Annotated[
        str, typer.Option(help="Policy by name, as `hal policies` lists them.", autocompletion=placing)
    ] = "best_fit",
    order: Annotated[str, typer.Option(help="given, priority, largest_first or smallest_first.")] = "given",
    as_json: AsJson = False,
) -> None:
    """Print where hal would place what waits, and why the rest would wait. Changes nothing."""
    from hal.adapters.contract import Words
    from hal.adapters.loop import Loop

    source = connect(adapter, option)
    try:
        loop = Loop(source, policy=policy, order=order, apply=False, explained=1000)
        done = loop.step()
        reasons = done.reasons
        if isinstance(source, Words):
            reasons = {job: source.worded(job, reason) for job, reason in reasons.items()}
        dropped = list(loop.mirror.dropped)
        running = len(loop.mirror.running)
        nodes = len(loop.mirror.cluster)
    finally:
        source.close()
    if as_json:
        emit_json(
            {
                "adapter": adapter,
                "policy": policy,
                "nodes": nodes,
                "running": running,
                "placements": [
                    {
                        "job": placement.job,
                        "status": placement.status.name,
                        "nodes": list(placement.nodes),
                        "gpus": [list(task) for task in placement.gpus],
                        "reason": reasons.get(placement.job, ""),
                    }
                    for placement in done.placements
                ],
                "dropped": [str(item) for item in dropped],
            }
        )
        return
    screen = console()
    rows = [
        (
            placement.job,
            placement.status.name,
            ", ".join(dict.fromkeys(placement.nodes)) or reasons.get(placement.job, ""),
            "; ".join(",".join(map(str, task)) for task in placement.gpus if task),
        )
        for placement in done.placements
    ]
    runs = f"{counted(running, 'job')} {'runs' if running == 1 else 'run'}"
    waits = f"{len(rows):,} {'waits' if len(rows) == 1 else 'wait'}"
    title = f"{adapter}: {counted(nodes, 'node')}, {runs}, {waits}; {policy} would"
    screen.print(table(title, ("job", "answer", "nodes, or why not", "GPUs"), rows, left=4))
    for item in dropped:
        screen.print(f"{'not yet' if item.effect == 'waits' else 'not expressed'}: {item}", markup=False)
