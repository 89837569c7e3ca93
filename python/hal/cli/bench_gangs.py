"""``hal bench gangs``: how fast large gangs are placed or refused, and how near the optimum small ones are."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from hal import gangs
from hal.cli.gang_optimum import instances, optimum
from hal.cli.output import AsJson, console, emit_json, table
from hal.topology import Topology

#: Zones, pods a zone, racks a pod, nodes a rack: 16,384 nodes in a tree of four levels.
SHAPE = (4, 16, 16, 16)


def large_topology(shape: tuple[int, int, int, int] = SHAPE) -> Topology:
    """Make a full tree of the levels cluster, zone, pod and rack."""
    levels = ["cluster", "zone", "pod", "rack"]
    domains: list[tuple[str, str, str | None]] = [("c", "cluster", None)]
    above = ["c"]
    for level, width in zip(levels[1:], shape, strict=False):
        below = [(f"{parent}/{k}", parent) for parent in above for k in range(width)]
        domains.extend((name, level, parent) for name, parent in below)
        above = [name for name, _ in below]
    return Topology(levels, domains, {f"{rack}/{k}": rack for rack in above for k in range(shape[3])})


#: Per case: what it is, its solve() arguments, and free GPUs of the nodes from a random generator.
CASES: dict[str, tuple[dict[str, Any], float, int]] = {
    "512 × 1 GPU": ({"tasks": [512], "demand": [[1]]}, 0.0, 1),
    "512 × 4 GPUs": ({"tasks": [512], "demand": [[4]]}, 0.0, 1),
    "512 × 8 GPUs": ({"tasks": [512], "demand": [[8]]}, 0.5, 8),
    "512 × 1 GPU, 16 a rack": ({"tasks": [512], "demand": [[1]], "slices": [(16, "rack")]}, 0.0, 1),
    "2 drivers + 510 × 1 GPU": ({"tasks": [2, 510], "demand": [[4], [1]]}, 0.0, 1),
    "512 × 1 GPU, one rack (impossible)": ({"tasks": [512], "demand": [[1]], "required": "rack"}, 0.0, 1),
    "512 × 8 GPUs, 1 % idle (impossible)": ({"tasks": [512], "demand": [[8]]}, 0.01, 8),
}


def half_full(n: int, idle: float, step: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Free GPUs of nodes of 8: `step` 1 any number alike, else all 8 with probability `idle`."""
    free = rng.integers(0, 9, n) if step == 1 else 8 * (rng.random(n) < idle)
    return free.astype(np.int64)[:, None]


def speed(repeat: int, seed: int) -> Iterator[dict[str, Any]]:
    """Median and worst milliseconds of each case over `repeat` random states, and the gap to the search."""
    topology = large_topology()
    for name, (arguments, idle, step) in CASES.items():
        rng = np.random.default_rng(seed)
        milliseconds, gaps, placed = [], [], 0
        for k in range(repeat):
            free = half_full(len(topology), idle, step, rng)
            started = time.perf_counter()
            answer = gangs.solve(topology, free=free, **arguments)
            milliseconds.append((time.perf_counter() - started) * 1e3)
            placed += answer.feasible
            if answer.feasible and len(arguments["tasks"]) == 1 and k < 3:
                exact = gangs.solve(topology, free=free, effort=1e12, **arguments)
                gaps.append((answer.distance - exact.distance) / max(exact.distance, 1))
        yield {
            "case": name,
            "median_ms": statistics.median(milliseconds),
            "worst_ms": max(milliseconds),
            "placed": placed / repeat,
            "gap": statistics.mean(gaps) if gaps else None,
        }


def quality(count: int, seed: int) -> dict[str, Any]:
    """Compare with CP-SAT on `count` random gangs of up to 16 tasks on up to 64 nodes."""
    gaps, missed, impossible, ours, theirs = [], 0, 0, 0.0, 0.0
    for made in instances(count, seed=seed):
        started = time.perf_counter()
        answer = gangs.solve(
            made.topology,
            made.tasks,
            made.demand,
            made.free,
            required=made.required,
            preferred=made.preferred,
            slices=made.slices,
        )
        halfway = time.perf_counter()
        best = optimum(made)
        ours, theirs = ours + halfway - started, theirs + time.perf_counter() - halfway
        if best is None:
            impossible += 1
        elif not answer.feasible:
            missed += 1
        else:
            gaps.append((answer.distance - best[1]) / max(best[1], 1))
    return {
        "instances": count,
        "impossible": impossible,
        "missed": missed,
        "mean_gap": statistics.mean(gaps) if gaps else None,
        "worst_gap": max(gaps, default=None),
        "times_faster": theirs / ours,
    }


def command(
    repeat: Annotated[int, typer.Option(min=1, help="Random states a case.")] = 15,
    small: Annotated[int, typer.Option(min=0, help="Small gangs against CP-SAT; 0 for none.")] = 100,
    seed: Annotated[int, typer.Option(help="Of all random numbers.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Place gangs of 512 tasks on a half-full tree of 16,384 nodes, and small ones against CP-SAT."""
    rows = list(speed(repeat, seed))
    compared = quality(small, seed) if small else None
    if as_json:
        emit_json({"speed": rows, "quality": compared})
        return
    out = console()
    out.print(
        table(
            "Gangs on 16,384 nodes in four levels, half full",
            ["gang", "median ms", "worst ms", "placed", "distance over exact"],
            [
                [
                    row["case"],
                    f"{row['median_ms']:.2f}",
                    f"{row['worst_ms']:.2f}",
                    f"{row['placed']:.0%}",
                    "–" if row["gap"] is None else f"{row['gap']:.3%}",
                ]
                for row in rows
            ],
        )
    )
    if compared is not None:
        gap = "–" if compared["mean_gap"] is None else f"{compared['mean_gap']:.3%}"
        out.print(
            f"{compared['instances']} small gangs against CP-SAT: mean gap {gap}, {compared['missed']} missed, "
            f"{compared['impossible']} impossible for both, {compared['times_faster']:.0f} times faster"
        )
