"""``hal bench reserve``: plans of a week with their gaps, and searches in a large profile."""

from __future__ import annotations

import time
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from hal._core import AvailabilityProfile
from hal.cli.output import AsJson, console, emit_json, table
from hal.cluster import Cluster
from hal.gpu import gpus
from hal.model import Node
from hal.reserve import Maintenance, Request, solve

__all__ = ["command", "crowded", "measure_plan", "measure_search", "week"]

Ints = NDArray[np.int64]
_HOUR, _DAY = 3600, 86_400


def week(
    count: int, *, nodes: int = 64, load: float = 0.6, seed: int = 0
) -> tuple[Cluster, list[Request | Maintenance]]:
    """Make a week of requests for ``nodes`` nodes of 8 GPUs.

    Half are 1 to 8 GPUs of one node, half gangs of whole nodes; runs of 1 to 24 hours; released over the first four
    days, due after 2 to 6 times their length, weights 1 to 10; a tenth has a fixed start or a hard window. Every
    node goes through four hours of maintenance, in eight batches whose days are fixed. Gangs are sized so that all
    ask for ``load`` of the GPUs of the week.
    """
    rng = np.random.default_rng(seed)
    names = [f"n{i:03d}" for i in range(nodes)]
    cluster = Cluster([Node(n, cpus=64, memory="512GiB", gpus=gpus(8, "A100")) for n in names])
    hours = rng.choice([1, 2, 4, 8, 12, 24], count, p=[0.2, 0.2, 0.2, 0.2, 0.1, 0.1])
    gang = rng.random(count) < 0.5
    each = np.where(gang, 8, rng.choice([1, 2, 4, 8], count))
    wish = np.where(gang, rng.choice([1, 2, 4, 8, 16], count), 1)
    left = load * nodes * 8 * 168 - (hours * each)[~gang].sum()
    scale = max(0.0, left / (hours * each * wish)[gang].sum())
    tasks = np.where(gang, np.clip(np.round(wish * scale), 1, nodes // 4), 1)
    out: list[Request | Maintenance] = []
    for i in range(count):
        length, release = int(hours[i]) * _HOUR, int(rng.integers(0, 96)) * _HOUR
        kind, times = rng.random(), dict[str, Any]()
        slack = int(length * rng.uniform(1, 5))
        if kind < 0.05 and tasks[i] < nodes // 8:
            times["start"] = release
        else:
            times["window"] = (release, release + length + slack + 2 * _DAY if kind < 0.1 else None)
            times["due"] = release + length + slack
        wide, weight = int(each[i]), int(rng.integers(1, 11))
        out.append(
            Request(
                f"r{i}",
                duration=length,
                tasks=int(tasks[i]),
                gpus=wide,
                cpus=4 * wide,
                weight=weight,
                **times,
            )
        )
    for batch in range(8):
        day = (batch % 7) * _DAY
        own = names[batch::8]
        out.append(Maintenance(f"m{batch}", nodes=own, duration=4 * _HOUR, window=(day, day + _DAY)))
    return cluster, out


def measure_plan(count: int, seconds: float, *, load: float, seed: int = 0) -> dict[str, Any]:
    """Plan one week; the figures by name."""
    cluster, requests = week(count, load=load, seed=seed)
    wall, cpu = time.perf_counter(), time.process_time()
    plan = solve(requests, cluster, time_limit=seconds, now=0)
    by_lists = plan.list_objective
    return {
        "requests": len(requests),
        "load": load,
        "limit_s": seconds,
        "status": str(plan.status),
        "objective": plan.objective,
        "gap": plan.gap,
        "list_objective": by_lists,
        "wall_s": time.perf_counter() - wall,
        "cpu_s": time.process_time() - cpu,
        "deterministic": plan.deterministic,
    }


def crowded(steps: int, seed: int = 1) -> tuple[AvailabilityProfile, Ints, Ints]:
    """Make a profile of about ``steps`` steps, and the same as arrays of times and free amounts."""
    random = np.random.default_rng(seed)
    begin = random.integers(0, 40 * steps, steps // 2)
    end = begin + random.integers(1, 4000, steps // 2)
    amount = random.integers(1, 9, steps // 2)
    profile = AvailabilityProfile(400)
    for b, e, a in zip(begin.tolist(), end.tolist(), amount.tolist(), strict=True):
        profile.add(b, e, -a)
    held = np.array(profile.to_list(), dtype=np.int64)
    return profile, held[:, 0], held[:, 1]


def by_numpy(times: Ints, free: Ints, start: int, duration: int, amount: int) -> int:
    """Search as a numpy user would: every stretch with enough free, and the first that is long enough."""
    enough = free >= amount
    edges = np.flatnonzero(np.diff(np.concatenate([[False], enough, [False]])))
    ends = np.append(times, np.iinfo(np.int64).max)
    opens, closes = np.maximum(times[edges[::2]], start), ends[edges[1::2]]
    return int(opens[np.argmax(closes - opens >= duration)])


def measure_search(steps: int, queries: int = 300) -> dict[str, Any]:
    """Search a large profile at several levels of use; the figures by name."""
    profile, times, free = crowded(steps)
    random = np.random.default_rng(4)
    starts = random.integers(0, times[-1] // 2, queries).tolist()
    lengths = random.integers(60, _DAY, queries).tolist()
    figures: dict[str, Any] = {"steps": len(profile)}
    for level in (50, 90, 99):
        amount = int(np.quantile(free, level / 100))
        asked = [(s, n, amount) for s, n in zip(starts, lengths, strict=True)]
        best = min(_seconds(profile, asked) for _ in range(5))
        figures[f"search_us_{level}"] = 1e6 * best / queries
        begin = time.process_time()
        same = [by_numpy(times, free, *query) == profile.earliest(*query) for query in asked[:20]]
        figures[f"times_numpy_{level}"] = (time.process_time() - begin) / 20 / (best / queries)
        figures[f"same_{level}"] = all(same)
    return figures


def _seconds(profile: AvailabilityProfile, asked: list[tuple[int, int, int]]) -> float:
    begin = time.process_time()
    for query in asked:
        profile.earliest(*query)
    return time.process_time() - begin


def command(
    *,
    load: Annotated[
        float, typer.Option(min=0.05, max=2, help="Share of the week's GPU hours asked for.")
    ] = 0.6,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the requests.")] = 0,
    steps: Annotated[int, typer.Option(min=100, help="Steps of the profile searched.")] = 100_000,
    as_json: AsJson = False,
) -> None:
    """Plan 200 requests in 2 s and 1,000 in 10 s on 64 nodes of 8 GPUs; search a profile of 100,000 steps."""
    plans = [measure_plan(count, limit, load=load, seed=seed) for count, limit in ((200, 2.0), (1000, 10.0))]
    search = measure_search(steps)
    if as_json:
        emit_json({"plans": plans, "search": search})
        return
    out = console()
    columns = ["requests", "limit, s", "wall, s", "CPU, s", "status", "objective", "list scheduler", "gap, %"]
    rows = [
        (
            f["requests"],
            f"{f['limit_s']:g}",
            f"{f['wall_s']:.1f}",
            f"{f['cpu_s']:.1f}",
            f["status"],
            f"{f['objective']:,.0f}",
            "-" if f["list_objective"] is None else f"{f['list_objective']:,.0f}",
            f"{100 * f['gap']:.1f}",
        )
        for f in plans
    ]
    out.print(table("a week on 64 nodes × 8 GPUs, weighted tardiness", columns, rows))
    levels = (50, 90, 99)
    found = [
        (f"{n} %", f"{search[f'search_us_{n}']:.1f}", f"{search[f'times_numpy_{n}']:.0f}") for n in levels
    ]
    columns = ["amount asked, quantile of free", "µs", "times numpy's scan"]
    out.print(table(f"earliest start, {search['steps']:,} steps", columns, found))
