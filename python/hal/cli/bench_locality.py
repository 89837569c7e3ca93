"""``hal bench locality``: events and nearest sources a second, beside numpy and a check of the answers."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer
from numpy.typing import NDArray

from hal.cli.output import AsJson, console, emit_json, table
from hal.data import CacheTree, ContentMap, transfers

Ints = NDArray[np.int64]


class Instance(NamedTuple):
    """Copies to report and questions to ask, as columns."""

    tree: CacheTree
    parent: Ints
    bandwidth: Ints
    latency: Ints
    dataset: NDArray[np.int32]
    cache: NDArray[np.int32]
    size: Ints
    asked: NDArray[np.int32]
    at: NDArray[np.int32]


def instance(datasets: int, caches: int, queries: int, seed: int = 0) -> Instance:
    """Make a tree of 1 origin, 10 sites and racks of about 20 node caches, and three copies a dataset."""
    rng = np.random.default_rng(seed)
    racks = max(1, caches // 21)
    level = np.repeat([0, 1, 2, 3], [1, 10, racks, max(1, caches - 11 - racks)])
    position = np.arange(len(level))
    parent = np.select(
        [level == 0, level == 1, level == 2], [-1, 0, 1 + position % 10], 11 + position % racks
    ).astype(np.int64)
    bandwidth = np.array([0, 1_250, 12_500, 25_000])[level] * 1_000_000
    latency = np.array([0, 20_000, 300, 20])[level]
    capacity = np.full(len(level), 2**50)
    tree = CacheTree.from_arrays(parent, capacity, bandwidth, latency=latency)
    dataset = rng.permuted(np.repeat(np.arange(datasets, dtype=np.int32), 3))
    cache = rng.integers(0, len(level), 3 * datasets, dtype=np.int32)
    size = rng.integers(2**20, 2**37, datasets)[dataset]
    asked = rng.integers(0, datasets, queries, dtype=np.int32)
    at = rng.integers(11 + racks, len(level), queries, dtype=np.int32)
    return Instance(tree, parent, bandwidth, latency, dataset, cache, size, asked, at)


def filled(made: Instance) -> ContentMap:
    """Report every copy of an instance as one batch of events."""
    content = ContentMap(made.tree)
    content.new_datasets(len(made.dataset) // 3)
    change = np.zeros(len(made.dataset), np.uint8)
    content.apply(change=change, dataset=made.dataset, cache=made.cache, size=made.size)
    return content


class NumpyScan:
    """The peer: every holder of every question at once, over tables of ancestors; levels are four."""

    def __init__(self, made: Instance) -> None:
        order = np.argsort(made.dataset, kind="stable")
        self._holders = made.cache[order].reshape(-1, 3)
        self._sizes = made.size[order].reshape(-1, 3)[:, 0]
        self._made = made

    def __call__(self) -> tuple[Ints, Ints, float]:
        """Source and microseconds of each question; mean microseconds from a holder taken at random."""
        made = self._made
        source = self._holders[made.asked].astype(np.int64)
        target = np.broadcast_to(made.at[:, None], source.shape).astype(np.int64)
        size = self._sizes[made.asked][:, None]
        latency = np.zeros(source.shape, np.int64)
        slowest = np.full(source.shape, 2**43)
        here = source == target
        depth = self._depths()
        up, down = source.copy(), target.copy()
        while (apart := up != down).any():
            for end, other in ((up, down), (down, up)):
                climb = apart & (end != other) & (depth[end] >= depth[other])
                latency += np.where(climb, made.latency[end], 0)
                slowest = np.where(climb, np.minimum(slowest, made.bandwidth[end]), slowest)
                end[:] = np.where(climb, made.parent[end], end)
        rest = size % slowest
        stream = size // slowest * 1_000_000 + -(-rest * 1_000_000 // slowest)
        micros = np.where(here, 0, latency + stream)
        best = micros.min(axis=1)
        first = np.where(micros == best[:, None], source, 2**31).min(axis=1)
        return first, best, float(micros.mean())

    def _depths(self) -> Ints:
        depth = np.zeros(len(self._made.parent), np.int64)
        for i, parent in enumerate(self._made.parent.tolist()):
            depth[i] = 0 if parent < 0 else depth[parent] + 1  # parents come first
        return depth


def _best(run: Callable[[], object], repeats: int = 5) -> float:
    def timed() -> float:
        begin = time.perf_counter()
        run()
        return time.perf_counter() - begin

    return min(timed() for _ in range(repeats))


def measure(datasets: int, caches: int, queries: int) -> dict[str, Any]:
    """Run the benchmark; the figures by name."""
    made = instance(datasets, caches, queries)
    content = filled(made)
    scan = NumpyScan(made)
    found = transfers(content, made.asked, made.at)
    source, micros, at_random = scan()
    n = len(made.dataset)

    def events() -> None:
        for change in (1, 0):
            changes = np.full(n, change, np.uint8)
            content.apply(change=changes, dataset=made.dataset, cache=made.cache, size=made.size)

    ask = _best(lambda: transfers(content, made.asked, made.at))
    return {
        "datasets": len(content),
        "caches": len(made.tree),
        "copies": n,
        "events_per_second": 2 * n / _best(events, 3),
        "queries": queries,
        "batch_ms": 1000 * ask,
        "ns_per_query": 1e9 * ask / queries,
        "times_numpy": _best(scan, 2) / ask,
        "same_as_scan": float(((found.source == source) & (found.micros == micros)).mean()),
        "mean_seconds": float(found.micros.mean() / 1e6),
        "mean_seconds_random_holder": at_random / 1e6,
    }


_LABELS = {
    "datasets": "datasets",
    "caches": "caches",
    "copies": "copies",
    "events_per_second": "content events a second",
    "queries": "questions in a batch",
    "batch_ms": "a batch, ms",
    "ns_per_query": "a question, ns",
    "times_numpy": "times as fast as the numpy scan",
    "same_as_scan": "answers equal to the scan's",
    "mean_seconds": "mean transfer from the nearest source, s",
    "mean_seconds_random_holder": "mean transfer from any holder, s",
    "tasks": "tasks placed, each reading one dataset",
    "tasks_per_second": "tasks a second, best fit + data locality",
    "tasks_per_second_without": "tasks a second, best fit alone",
    "mean_transfer_seconds": "mean transfer of a placed task, s",
    "mean_transfer_seconds_without": "mean transfer under best fit alone, s",
    "tasks_per_second_together": "tasks a second, fit + data + distance + affinity",
    "tasks_per_second_fit_alone": "tasks a second of the same jobs, best fit alone",
    "mean_racks_a_job_together": "racks of a job of several tasks",
    "mean_racks_a_job_fit_alone": "racks of a job of several tasks, best fit alone",
}


def command(
    *,
    datasets: Annotated[
        int, typer.Option(min=1, max=10_000_000, help="Datasets, three copies each.")
    ] = 1_000_000,
    caches: Annotated[int, typer.Option(min=64, max=1_000_000, help="Caches in a four-level tree.")] = 10_000,
    queries: Annotated[int, typer.Option(min=1, max=10_000_000, help="Questions in one batch.")] = 100_000,
    tasks: Annotated[
        int, typer.Option(min=1, max=10_000_000, help="Tasks placed, a node a cache.")
    ] = 100_000,
    json: AsJson = False,
) -> None:
    """Measure content events, nearest sources (each checked against a scan) and placement by data."""
    from hal.cli.bench_locality_place import measure_everything, measure_placement

    figures = measure(datasets, caches, queries)
    placement = measure_placement(caches, tasks)
    figures.update((name, value) for name, value in placement.items() if name != "nodes")
    figures.update(measure_everything(caches, tasks))
    if json:
        emit_json(figures)
        return

    def shown(value: float) -> str:
        return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}" if value < 1e4 else f"{value:,.0f}"

    rows = [(_LABELS[name], shown(value)) for name, value in figures.items()]
    console().print(table("Data locality", ("", "measured"), rows))
