"""Mpc."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from hal._show import show
from hal.control._checks import interval, memory_of, number
from hal.control.contract import CONTRACT, Advice, Reading
from hal.control.cost import Cost
from hal.errors import InvalidModel
from hal.job_columns import JobColumns
from hal.model import Job
from hal.place import place
from hal.policies.pack_spread import PackSpread
from hal.policy import Policy

if TYPE_CHECKING:
    from hal.cluster import Cluster

__all__ = ["Mpc", "loads"]

_STEPS: Final = 64  # of p: policies are kept, and finer steps decide nothing


class Mpc:
    """Tries p on what-if forks of the live cluster and takes the one after which it costs least.

    Each candidate places the same tasks on a fork: a few for each of the next steps, an eighth of a typical node
    each, as many as jobs turn over meanwhile; the cost is that of the nodes' loads afterwards. p moves only when
    that wins more than ``margin``.

    Parameters
    ----------
    cost : Cost
        Of the nodes' loads.
    moves : sequence of float
        Candidates, as differences from the present p.
    start : float
        First p, 0 … 1.
    limits : (float, float)
        Of p.
    turnover : float
        Share of the cluster that is placed on the fork, 0.001 … 1.
    most : int
        Tasks placed on the fork at most.
    every : float
        Seconds between two decisions; between them a step costs nothing.
    margin : float
        Share of the cost of what is placed that must be to be won for p to move.

    Notes
    -----
    O(moves · (most · log n + n)) a decision. Needs ``context.cluster``.
    """

    name: Final = "mpc"
    contract = CONTRACT

    def __init__(
        self,
        *,
        cost: Cost | None = None,
        moves: Sequence[float] = (-0.25, -0.0625, 0.0625, 0.25),
        start: float = 0.5,
        limits: tuple[float, float] = (0.0, 1.0),
        turnover: float = 0.05,
        most: int = 64,
        every: float = 60.0,
        margin: float = 0.05,
    ) -> None:
        self._cost = cost or Cost()
        self._moves = tuple(number(f"moves[{i}]", move, -1, 1) for i, move in enumerate(moves))
        self._low, self._high = interval("limits", limits)
        self._p = min(max(number("start", start, 0, 1), self._low), self._high)
        self._turnover = number("turnover", turnover, 0.001, 1)
        self._most = int(number("most", most, 1, 10_000))
        self._every = number("every", every, 0, 1e9)
        self._margin = number("margin", margin, 0, 1e6)
        self._decided: float | None = None
        self._policies: dict[float, Policy] = {}

    def observe(self, signals: Reading, context: Any = None) -> Advice:
        """Return p: ``wait`` between decisions, ``keep`` or ``move`` at one."""
        if self._decided is not None and 0 <= signals.time - self._decided < self._every:
            return Advice(self._p, "wait")
        cluster = getattr(context, "cluster", None)
        if cluster is None:
            raise InvalidModel(f"context = {show(context)}: mpc needs context.cluster to try p on")
        self._decided = signals.time
        tasks = self._tasks(cluster)
        if tasks is None:
            return Advice(self._p, "keep")
        here = self._try(cluster, self._p, tasks)
        best, least = self._p, here
        for move in self._moves:
            p = round(min(max(self._p + move, self._low), self._high) * _STEPS) / _STEPS
            if self._low <= p <= self._high and (cost := self._try(cluster, p, tasks)) < least:
                best, least = p, cost
        if here - least <= self._margin * self._turnover * abs(here):
            return Advice(self._p, "keep")
        self._p = best
        return Advice(best, "move")

    def _try(self, cluster: Cluster, p: float, tasks: JobColumns) -> float:
        policy = self._policies.get(p)
        if policy is None:
            policy = self._policies[p] = Policy({PackSpread(p=p): 1})
        with cluster.what_if() as trial:
            placed = place(trial, tasks, policy=policy, apply=True)
            left = 1 - float(np.mean(placed.node >= 0))
            return self._cost.of_loads(loads(trial), pending_work=left * self._turnover)

    def _tasks(self, cluster: Cluster) -> JobColumns | None:
        columns = cluster.columns
        here = np.flatnonzero(columns.present > 0)
        if not here.size:
            return None
        cpu = int(np.median(columns.capacity_cpu[here]))
        memory = int(np.median(columns.capacity_memory[here]))
        devices = int(np.median(columns.gpu_count[here]))
        share: dict[str, Any] = {}
        if devices >= 8:
            share = {"gpus": devices // 8}
        elif devices > 0:
            share = {"gpus": 1, "gpu_share": devices / 8}
        count = min(max(round(self._turnover * here.size * 8), 1), self._most)
        probe = Job("probe", cpus=cpu / 8000, memory=memory // 8, **share)
        return JobColumns.from_shapes(np.zeros(count, np.int32), [probe])

    def applied(self, p: float) -> None:
        """Go on from the p that holds."""
        self._p = p

    def state(self) -> dict[str, Any]:
        """Return p and the time of the last decision."""
        return {"controller": self.name, "p": self._p, "decided": self._decided}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `state`."""
        memory = memory_of(self.name, state, ("p", "decided"))
        self._p, self._decided = memory["p"], memory["decided"]


def loads(cluster: Cluster) -> NDArray[np.float64]:
    """Load of each present node, the used share of its fullest resource: (n,) float64 in [0, 1]. O(n)."""
    columns = cluster.columns
    shares = []
    for room, free in (
        (columns.capacity_cpu, columns.free_cpu),
        (columns.capacity_memory, columns.free_memory),
        (columns.gpu_count * 1000, columns.gpu_total_free),
    ):
        shares.append((room - free) / np.maximum(room, 1))
    load: NDArray[np.float64] = np.maximum.reduce(shares)
    return load[columns.present > 0]
