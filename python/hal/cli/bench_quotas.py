"""``hal bench quotas``: how fast a large tree of queues orders its jobs, and how fair the answer is."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer

from hal.cli.output import AsJson, console, emit_json, table
from hal.cluster import Cluster
from hal.model import Job
from hal.place import place
from hal.queues import Queue, QueueTree, order

CAPACITY: dict[str, int | float | str] = {"cpus": 400_000, "memory": "1600TiB", "gpus": 50_000}


class Instance(NamedTuple):
    """A tree and the jobs that wait in it."""

    tree: QueueTree
    jobs: list[Job]


def instance(queues: int, jobs: int, *, seed: int = 1) -> Instance:
    """Make organisations of ten projects of some users, with guarantees, maxima and weights, and pending jobs."""
    rng = np.random.default_rng(seed)
    users = max(1, queues // 111)
    rows: list[Queue] = []
    for org in range(10):
        rows.append(Queue(f"org{org}", maximum={"gpus": 8000}, weight=float(rng.integers(1, 5))))
        for project in range(10):
            name = f"org{org}.{project}"
            rows.append(Queue(name, parent=f"org{org}", guarantee={"gpus": 4 * users}))
            rows += [
                Queue(f"{name}.{user}", parent=name, guarantee={"gpus": 2}, maximum={"gpus": 64})
                for user in range(users)
            ]
    leaves = [queue.name for queue in rows if queue.name.count(".") == 2]
    mine = rng.integers(0, len(leaves), jobs)
    cpus, gpus = rng.integers(1, 17, jobs), rng.choice([0, 1, 2, 4, 8], jobs)
    priority = rng.integers(0, 3, jobs)
    return Instance(
        QueueTree(rows),
        [
            Job(f"j{k}", cpus=c, memory=1024 * c, gpus=g, priority=p, queue=leaves[q])
            for k, (c, g, p, q) in enumerate(
                zip(cpus.tolist(), gpus.tolist(), priority.tolist(), mine.tolist(), strict=True)
            )
        ],
    )


def jain(made: Instance, rows: np.ndarray[Any, np.dtype[np.int64]], capacity_gpus: float) -> float:
    """Jain's index of the weighted GPU shares of the organisations after the first jobs that fill the capacity."""
    used: dict[str, float] = defaultdict(float)
    for row in rows.tolist():
        if sum(used.values()) >= capacity_gpus:
            break
        used[made.jobs[row].queue.split(".")[0]] += made.jobs[row].gpus
    shares = np.array([gpus / made.tree[org].weight for org, gpus in used.items()])
    return float(shares.sum() ** 2 / (shares.size * (shares**2).sum()))


def measure(queues: int, jobs: int, repeat: int, seed: int) -> dict[str, Any]:
    """Milliseconds of ordering, and of placing with and without quotas, and fairness against the given order."""
    made = instance(queues, jobs, seed=seed)
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        found = order(made.tree, made.jobs, capacity=CAPACITY)
        times.append(1000 * (time.perf_counter() - start))
    few = [job for job in found.jobs[:10_000] if not job.gpus] or found.jobs[:1]
    nodes = 2_000
    cluster = Cluster.from_arrays(
        cpu_milli=np.full(nodes, 192_000, np.int64), memory_mib=np.full(nodes, 2**20, np.int64)
    )
    rates = {}
    for name, tree in (("without", None), ("with", made.tree)):
        place(cluster, few, "best_fit", queues=tree)
        start = time.perf_counter()
        place(cluster, few, "best_fit", queues=tree)
        rates[name] = len(few) / (time.perf_counter() - start)
    contended = 2_000.0
    return {
        "queues": len(made.tree),
        "jobs": jobs,
        "order_ms_median": statistics.median(times),
        "order_ms_best": min(times),
        "may_start": int(found.rows.size),
        "waiting": int(found.waiting.size),
        "fairness": jain(made, found.rows, contended),
        "fairness_given_order": jain(made, np.arange(jobs, dtype=np.int64), contended),
        "placed_per_second": rates["without"],
        "placed_per_second_with_quotas": rates["with"],
    }


def command(
    queues: Annotated[int, typer.Option(min=111, help="Queues of the tree, about.")] = 10_000,
    jobs: Annotated[int, typer.Option(min=1, help="Pending jobs.")] = 100_000,
    repeat: Annotated[int, typer.Option(min=1, help="Timed runs.")] = 5,
    seed: Annotated[int, typer.Option(help="Of the random instance.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Order the pending jobs of a large tree of queues, and place with and without quotas.

    Fairness is Jain's index of the organisations' weighted GPU shares among the jobs that start first: 1 is even.
    """
    figures = measure(queues, jobs, repeat, seed)
    if as_json:
        emit_json(figures)
        return
    rows = [
        ("queues", f"{figures['queues']:,}"),
        ("pending jobs", f"{figures['jobs']:,}"),
        ("may start / wait", f"{figures['may_start']:,} / {figures['waiting']:,}"),
        ("ordering, median", f"{figures['order_ms_median']:.1f} ms"),
        ("ordering, best", f"{figures['order_ms_best']:.1f} ms"),
        ("fairness, fair order", f"{figures['fairness']:.4f}"),
        ("fairness, given order", f"{figures['fairness_given_order']:.4f}"),
        ("jobs placed a second", f"{figures['placed_per_second']:,.0f}"),
        ("jobs placed a second, with quotas", f"{figures['placed_per_second_with_quotas']:,.0f}"),
    ]
    console().print(table("queues and quotas", ["", "value"], rows))
