"""Different clusters from different threads at once, with shared policies: the same answers, and no data race.

The thread sanitizer's lane runs this too; there it is the point.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import hal

THREADS = 4
SITES = 8


@pytest.fixture(autouse=True)
def _eager_switching() -> Iterator[None]:
    """Hand the interpreter's lock on a thousand times as often as usual."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(before)


class Emptiest:
    """A scorer in Python: it takes the lock back in the middle of the core's work."""

    name = "emptiest"

    def score(self, job: Any, nodes: Any) -> Any:
        return nodes.free_cpu / np.maximum(nodes.capacity_cpu, 1)


def site(number: int, policy: hal.Policy | str) -> tuple[Any, ...]:
    """Live through a little history on a cluster of one's own; return what was decided and the state after it."""
    rng = np.random.default_rng(number)
    cluster = hal.Cluster(
        hal.Node(f"n{i}", cpus=32, memory="128GiB", gpus=hal.gpus(i % 5, "T4")) for i in range(20)
    )
    jobs = [
        hal.Job(
            f"j{i}", tasks=int(rng.integers(1, 4)), cpus=int(rng.integers(1, 9)), gpus=int(rng.integers(0, 3))
        )
        for i in range(60)
    ]
    first = hal.place(cluster, jobs, policy)
    cluster.apply(first)
    cluster.release([placement.job for placement in first if placement.placed][::2])
    with cluster.what_if() as trial:
        trial.remove("n3", evict=True)
        tried = hal.place(trial, [hal.Job("late", cpus=4)], policy)[0].nodes
    columns = hal.JobColumns(cpu_milli=np.full(50, 500), memory_mib=np.full(50, 256))
    second = hal.place(cluster.fork(), columns, policy)
    return first.node.tolist(), tried, second.node.tolist(), cluster.digest()


@pytest.mark.parametrize("name", ["best_fit", "fgd", "pack_spread", "random"])
def test_threads_do_not_change_the_answer(name: str) -> None:
    policy = hal.policies.get(name)
    alone = [site(number, policy) for number in range(SITES)]
    with ThreadPoolExecutor(THREADS) as pool:
        assert list(pool.map(lambda number: site(number, policy), range(SITES))) == alone


def test_a_python_scorer_in_several_threads() -> None:
    policy = hal.Policy([Emptiest()])
    alone = [site(number, policy) for number in range(SITES)]
    with ThreadPoolExecutor(THREADS) as pool:
        assert list(pool.map(lambda number: site(number, policy), range(SITES))) == alone


def test_policies_made_and_dropped_while_others_work() -> None:
    def make_and_use(number: int) -> list[int]:
        return site(number % 2, hal.Policy([Emptiest(), "spread"]))[0]

    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(make_and_use, range(SITES)))
    assert answers == [answers[0], answers[1]] * (SITES // 2)
