"""The plain twin of rebalancing: one move at a time, by fork, release and place."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import hal


def room(cluster: hal.Cluster, want: list[hal.Job]) -> int:
    """How many of the wanted jobs can be placed, the largest first."""
    jobs = [
        hal.Job(f"room{i}", tasks=1, cpus=j.cpus, gpus=j.gpus, gpu_share=j.gpu_share)
        for i, j in enumerate(want)
    ]
    placed = hal.place(cluster, jobs, "best_fit", order="largest_first")
    return sum(answer.placed for answer in placed)


def fragmented(cluster: hal.Cluster, requests: dict[str, dict[str, Any]]) -> float:
    """GPUs that the requests seen cannot use, in expectation over them (coverage 0.95)."""
    counts = Counter(
        (request["cpus"] * 1000, round(min(request["gpus"], 1) * 1000), math.ceil(request["gpus"]))
        for request in requests.values()
    )
    ranked = sorted(counts.items(), key=lambda item: (item[1], item[0]), reverse=True)
    kept, covered, total = [], 0, counts.total()
    for key, count in ranked:
        if covered >= 0.95 * total:
            break
        kept.append((key, count))
        covered += count
    sum_ = 0.0
    for i in range(len(cluster)):
        columns = cluster._core
        begin, size = int(columns.column("gpu_begin")[i]), int(columns.column("gpu_count")[i])
        free = columns.column("gpu_free")[begin : begin + size].tolist()
        cpu = int(columns.column("free_cpu")[i])
        for (need, milli, gpus), count in kept:
            usable = [g for g in free if g >= milli]
            fits = gpus > 0 and len(usable) >= gpus and cpu >= need
            sum_ += count / covered * (sum(free) - sum(usable) if fits else sum(free))
    return sum_ / 1000


def best_single_move(
    cluster: hal.Cluster, requests: dict[str, dict[str, Any]], want: hal.Job, count: int, policy: str
) -> float:
    """Most GPUs (and a millionth of the milli-CPU) of wanted tasks that any one move makes room for."""
    base = cluster.fork()
    index = _fill(base, want, 0, count, policy)
    worth = want.gpus * want.gpu_milli / 1000 + want.cpu_milli * 1e-9
    best = 0
    for job in cluster.jobs():
        trial = base.fork()
        held = trial._core.job_tasks(job)
        trial.release(job)
        gained = _fill(trial, want, index, count, policy) - index
        moved = hal.place(trial, hal.Job(job, **requests[job]), policy, apply=True)[0].placed
        if moved and trial._core.job_tasks(job) != held:
            best = max(best, gained)
    return best * worth


def _fill(cluster: hal.Cluster, want: hal.Job, index: int, count: int, policy: str) -> int:
    """Place copies number index … count - 1 as long as they fit; return the number of the first that did not."""
    while index < count:
        copy = hal.Job(f"want{index}", cpus=want.cpus, gpus=want.gpus, gpu_share=want.gpu_share)
        if not hal.place(cluster, copy, policy, apply=True)[0].placed:
            break
        index += 1
    return index
