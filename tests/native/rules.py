"""Rules of units.c in Python, its ways to fail, and situations to try them in."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from hypothesis import strategies as st

import hal
from tests.api.strategies import jobs, nodes

NODES = 4
PROMISES = st.sampled_from([{}, {"own_state": True}, {"one_order": True}])


class Fault(ctypes.Structure):
    _fields_ = (("node", ctypes.c_int64), ("kind", ctypes.c_int64), ("calls", ctypes.c_int64))

    @classmethod
    def of(cls, node: int, kind: str) -> Fault:
        return cls(node, ord(kind), 0)


class FewestTasks:
    """The same rule as fewest_tasks of units.c, in Python."""

    name = "fewest_tasks"
    own_state = True

    def score(self, job: Any, candidates: Any) -> Any:
        return 1 / (1 + candidates.tasks.astype(np.float64))


def small() -> hal.Cluster:
    return hal.Cluster(hal.Node(f"n{i}", cpus=8, memory="16GiB", gpus=hal.gpus(2, "A")) for i in range(NODES))


def answers(cluster: hal.Cluster, policy: Any, given_jobs: Any) -> list[Any]:
    policy = policy if isinstance(policy, str | hal.Policy) else hal.Policy(policy)
    placements = hal.place(cluster, given_jobs, policy)
    return [placements.status.tolist(), placements.node.tolist(), placements.score.tolist()]


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[hal.Node], list[hal.Job]]:
    count = draw(st.integers(1, 5))
    made = [draw(nodes(f"n{i}")) for i in range(count)]
    wanted = [draw(jobs(f"j{i}")) for i in range(draw(st.integers(1, 8)))]
    # Shares by memory differ by device: only the built-in rule knows them.
    return made, [job for job in wanted if job.gpu_milli or not job.gpu_memory]
