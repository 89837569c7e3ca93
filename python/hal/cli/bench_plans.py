"""``hal bench plans``: how fast preemption and rebalancing plan, and how little they disturb."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
import typer

from hal.cli.output import AsJson, console, emit_json, table
from hal.cluster import Cluster
from hal.gpu import gpus as devices
from hal.model import Job, Node
from hal.place import place
from hal.preempt import Preemption, preempt
from hal.rebalance import Rebalance, rebalance

URGENT = Job("urgent", cpus=8, gpus=8, priority=9)
WANTED = [Job(f"wanted{k}", cpus=8, gpus=4) for k in range(20)]


def filled(nodes: int, *, seed: int = 1, share: float = 1.0) -> Cluster:
    """Nodes of eight GPUs, filled at random with jobs of one to four GPUs, or halves, up to a share of them."""
    rng = np.random.default_rng(seed)
    cluster = Cluster([Node(f"n{k}", cpus=96, gpus=devices(8, "A100")) for k in range(nodes)])
    size, priority = rng.choice([0.5, 1, 2, 4], 8 * nodes), rng.integers(0, 5, 8 * nodes)
    kept = np.cumsum(size) <= share * 8 * nodes
    jobs = [
        Job(f"j{k}", cpus=2, gpus=s, priority=p)
        for k, (s, p) in enumerate(zip(size[kept].tolist(), priority[kept].tolist(), strict=True))
    ]
    place(cluster, jobs, "random", seed=seed, apply=True)
    return cluster


def lowest_first(cluster: Cluster, job: Job) -> int:
    """Jobs that go when the lowest priorities are stopped, one after another, until there is room: the peer."""
    with cluster.what_if() as trial:
        order = sorted(trial.jobs(), key=lambda name: (_PRIORITY[name], name))
        for stopped, name in enumerate(order, start=1):
            trial.release(name)
            if place(trial, job)[0].placed:
                return stopped
    return len(order)


_PRIORITY: dict[str, int] = {}


def measure(nodes: int, moves: int, repeat: int, seed: int) -> dict[str, Any]:
    """Milliseconds and disturbance of one plan of each kind."""
    full = filled(nodes, seed=seed)
    _PRIORITY.clear()
    _PRIORITY.update(_priorities(nodes, seed))
    stop: Preemption
    stop, stop_ms = _timed(lambda: preempt(full, URGENT), repeat)
    start = time.perf_counter()
    peer = lowest_first(full, URGENT)
    peer_ms = 1000 * (time.perf_counter() - start)
    loose = filled(nodes, seed=seed, share=0.8)
    plan: Rebalance
    plan, plan_ms = _timed(lambda: rebalance(loose, max_moves=moves, want=WANTED, policy="best_fit"), repeat)
    before = sum(answer.placed for answer in place(loose, WANTED))
    loose.apply(plan)
    after = sum(answer.placed for answer in place(loose, WANTED))
    return {
        "nodes": nodes,
        "running": len(full.jobs()),
        "preempt_ms": stop_ms,
        "preempt_stops": len(stop.victims),
        "lowest_first_ms": peer_ms,
        "lowest_first_stops": peer,
        "rebalance_ms": plan_ms,
        "rebalance_moves": len(plan.moves),
        "wanted_placed_before": before,
        "wanted_placed_after": after,
        "wanted": len(WANTED),
    }


def _priorities(nodes: int, seed: int) -> dict[str, int]:
    rng = np.random.default_rng(seed)
    rng.choice([0.5, 1, 2, 4], 8 * nodes)
    return {f"j{k}": p for k, p in enumerate(rng.integers(0, 5, 8 * nodes).tolist())}


def _timed(plan: Callable[[], Any], repeat: int) -> tuple[Any, float]:
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        found = plan()
        times.append(1000 * (time.perf_counter() - start))
    return found, statistics.median(times)


def command(
    nodes: Annotated[int, typer.Option(min=2, help="Nodes of eight GPUs.")] = 500,
    moves: Annotated[int, typer.Option(min=0, help="Moves of a rebalancing at most.")] = 50,
    repeat: Annotated[int, typer.Option(min=1, help="Timed runs.")] = 3,
    seed: Annotated[int, typer.Option(help="Of the random cluster.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Plan a preemption on a full cluster and a rebalancing on one with holes.

    The peer of preemption stops the lowest priorities first until there is room.
    """
    figures = measure(nodes, moves, repeat, seed)
    if as_json:
        emit_json(figures)
        return
    rows = [
        ("nodes / running jobs", f"{figures['nodes']:,} / {figures['running']:,}"),
        ("preemption, median", f"{figures['preempt_ms']:.1f} ms"),
        ("jobs stopped", f"{figures['preempt_stops']}"),
        ("lowest first", f"{figures['lowest_first_ms']:.1f} ms"),
        ("jobs stopped, lowest first", f"{figures['lowest_first_stops']}"),
        ("rebalancing, median", f"{figures['rebalance_ms']:.1f} ms"),
        ("moves", f"{figures['rebalance_moves']}"),
        (
            f"of {figures['wanted']} wanted jobs with room, before / after",
            f"{figures['wanted_placed_before']} / {figures['wanted_placed_after']}",
        ),
    ]
    console().print(table("plans", ["", "value"], rows))
