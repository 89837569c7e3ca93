"""Mpc."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hal import _core
from hal._show import show
from hal.control._checks import interval, memory_of, number
from hal.control.contract import CONTRACT, Advice, Reading
from hal.control.cost import Cost
from hal.errors import InvalidModel
from hal.job_columns import JobColumns
from hal.model import Job
from hal.policies.pack_spread import PackSpread
from hal.policy import Policy

if TYPE_CHECKING:
    from hal.cluster import Cluster

__all__ = ["Mpc", "loads"]

_STEPS: Final = 64  # of p
_PARTS: Final = 8  # of a typical node: what a task asks for is one


class Mpc:
    """Tries p on the live cluster, undoes it, and takes the p after which it costs least.

    Each candidate is held against the present p, on one state of the cluster: both place the same tasks and take them
    back, a few for each of the next steps, an eighth of a typical node each, as many as jobs turn over meanwhile; the
    cost is that of the nodes' loads in between. The candidates are spread over the steps between two decisions, so that
    no step takes long. p moves only when the best of them wins more than ``margin``.

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
        Share of the cluster that is placed to try a p, 0.001 … 1.
    most : int
        Tasks placed to try a p at most.
    every : float
        Seconds between two decisions. With steps longer than that, all candidates are tried in one.
    margin : float
        Share of the cost of what is placed that must be to be won for p to move.

    Notes
    -----
    O(most · log n + n) a candidate. Needs ``context.cluster``.
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
        most: int = 24,
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
        self._begun: float | None = None  # when the round of candidates began
        self._probe: _Probe | None = None
        self._tried = 0
        self._best, self._gain = self._p, 0.0
        self._policies: dict[float, Policy] = {}
        self._shape: tuple[_Probe, _core.Shape] | None = None

    def observe(self, signals: Reading, context: Any = None) -> Advice:
        """Return p: ``wait`` or ``try`` between decisions, ``keep`` or ``move`` at one."""
        cluster = getattr(context, "cluster", None)
        if cluster is None:
            raise InvalidModel(f"context = {show(context)}: mpc needs context.cluster to try p on")
        if self._begun is None or signals.time < self._begun:
            self._begin(signals.time)
        since = signals.time - (self._begun or 0.0)
        count = len(self._moves)
        due = count if since >= self._every else int(since / self._every * count)
        if self._probe is None:
            self._probe = self._typical(cluster)
            if due == 0:
                return Advice(self._p, "wait")
        if due <= self._tried:
            self._prepare()
            return Advice(self._p, "wait")
        for move in self._moves[self._tried : due]:
            self._try(cluster, move)
        self._tried = due
        if due < count:
            return Advice(self._p, "try")
        moves, best = self._gain > self._margin, self._best
        self._begin(signals.time)
        if not moves:
            return Advice(self._p, "keep")
        self._p = best
        return Advice(best, "move")

    def _begin(self, time: float) -> None:
        self._begun, self._probe, self._tried = time, None, 0
        self._best, self._gain = self._p, 0.0

    def _step(self, p: float) -> float:
        """Return the step of p next to it: finer ones decide nothing, and their policies are kept."""
        return round(min(max(p, self._low), self._high) * _STEPS) / _STEPS

    def _policy(self, p: float) -> Policy:
        policy = self._policies.get(p)
        if policy is None:
            policy = self._policies[p] = Policy({PackSpread(p=p): 1})
        return policy

    def _prepare(self) -> None:
        """Make one of the policies that will be asked for, while there is nothing else to do."""
        for move in (0.0, *self._moves):
            if (p := self._step(self._p + move)) not in self._policies:
                self._policy(p)
                return

    def _try(self, cluster: Cluster, move: float) -> None:
        here, p = self._step(self._p), self._step(self._p + move)
        if self._probe is None or p == here or not self._low <= p <= self._high:
            return
        tasks, share = self._probe.tasks, self._probe.share
        costs = [
            self._cost.of_sums(used, work, watts, pending_work=(1 - placed / tasks) * share)
            for placed, used, work, watts in _core.look_ahead(
                cluster._core,
                [self._policy(here)._core, self._policy(p)._core],
                self._shape_of(self._probe),
                tasks,
                (self._cost.idle, self._cost.asleep, self._cost.strength, self._cost.exponent),
            )
        ]
        # Per cost of what was placed, so that candidates tried on other states can be compared.
        gain = (costs[0] - costs[1]) / (share * abs(costs[0])) if costs[0] else 0.0
        if gain > self._gain:
            self._best, self._gain = p, gain

    def _typical(self, cluster: Cluster) -> _Probe | None:
        cpu, memory, devices, nodes = _core.typical_node(cluster._core)
        if nodes == 0:
            return None
        tasks = min(max(round(self._turnover * nodes * _PARTS), 1), self._most)
        return _Probe(cpu, memory, devices, tasks, tasks / (_PARTS * nodes))

    def _shape_of(self, probe: _Probe) -> _core.Shape:
        if self._shape is None or self._shape[0][:3] != probe[:3]:
            share: dict[str, Any] = {}
            if probe.devices >= _PARTS:
                share = {"gpus": probe.devices // _PARTS}
            elif probe.devices > 0:
                share = {"gpus": 1, "gpu_share": probe.devices / _PARTS}
            job = Job("probe", cpus=probe.cpu / (1000 * _PARTS), memory=probe.memory // _PARTS, **share)
            self._shape = probe, JobColumns.from_shapes(np.zeros(1, np.int32), [job]).shapes[0]
        return self._shape[1]

    def applied(self, p: float) -> None:
        """Go on from the p that holds."""
        self._p = p

    def state(self) -> dict[str, Any]:
        """Return p and how far the round of candidates has come."""
        return {
            "controller": self.name,
            "p": self._p,
            "begun": self._begun,
            "probe": None if self._probe is None else list(self._probe),
            "tried": self._tried,
            "best": self._best,
            "gain": self._gain,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `state`."""
        memory = memory_of(self.name, state, ("p", "begun", "probe", "tried", "best", "gain"))
        self._p, self._begun = memory["p"], memory["begun"]
        self._probe = None if memory["probe"] is None else _Probe(*memory["probe"])
        self._tried, self._best, self._gain = memory["tried"], memory["best"], memory["gain"]


class _Probe(NamedTuple):
    """What a typical node has, how many tasks of a part of it are placed, and their share of the cluster."""

    cpu: int
    memory: int
    devices: int
    tasks: int
    share: float


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
