"""One simulation of a grid: what it is, as text and numbers, and how it is run."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from hal._doors import number
from hal._show import show
from hal.cluster import Cluster
from hal.control import Controller, Cost, Loop, make
from hal.energy import PowerCurve, PowerModel
from hal.errors import InvalidModel
from hal.gpu import gpus
from hal.model import Node
from hal.policies import get
from hal.replay import arrivals, simulate
from hal.replay.arrivals import Arrivals
from hal.replay.arrivals.arrivals import checked_load
from hal.replay.simulator import Contention, Simulation, Sleeping, linear_power

__all__ = ["FIGURES", "MACHINES", "WORKLOADS", "Cell", "Machine", "controller_of"]


class Machine(NamedTuple):
    """What nodes draw, how crowds slow them and how they wake, and the cost that controllers are told of it."""

    power: Callable[[], PowerModel]
    cost: Cost
    wake: float = 30.0

    @property
    def contention(self) -> Contention:
        """As the cost says."""
        return Contention(strength=self.cost.strength, exponent=self.cost.exponent)


def _half_idle() -> PowerModel:
    return PowerModel(
        socket=PowerCurve.linear(60, 120),
        gpus={model: PowerCurve.linear(full / 2, full) for model, full in (("V100M32", 300),)},
    )


_PUBLISHED: Final = Cost(idle=0.125, asleep=0.04)
_HALF_IDLE: Final = Cost(idle=0.5, asleep=0.04)

#: ``published``: linear between the idle and full watts of the sockets and GPUs. ``half_idle``: an idle node draws
#: half of a full one, as Barroso and Hölzle, "The Case for Energy-Proportional Computing" (2007), measured on servers.
#: ``calm`` and ``crowded`` are ``published`` with half and twice the slowing by crowds, ``slow_wake`` is ``half_idle``
#: with nodes that take two minutes to wake: what is assumed there may be wrong by that much.
MACHINES: Final = {
    "published": Machine(linear_power, _PUBLISHED),
    "half_idle": Machine(_half_idle, _HALF_IDLE),
    "calm": Machine(linear_power, replace(_PUBLISHED, strength=_PUBLISHED.strength / 2)),
    "crowded": Machine(linear_power, replace(_PUBLISHED, strength=_PUBLISHED.strength * 2)),
    "slow_wake": Machine(_half_idle, _HALF_IDLE, wake=120.0),
}

#: Workloads by name; ``openb`` needs ``$HAL_TRACES``. ``step`` doubles its load in the middle.
WORKLOADS: Final = ("poisson", "bursty", "diurnal", "openb", "step")


#: Figures that `Cell.run` returns, with their units; ``follows_s`` of the workload ``step`` alone.
FIGURES: Final = {
    "energy_j": "J", "energy_per_job": "J", "fairness": "", "finished": "", "follows_s": "s", "infeasible": "",
    "makespan": "s", "mean_entropy": "", "mean_p": "", "mean_potential": "", "mean_power_w": "W", "mean_sigma": "",
    "mean_slowdown": "", "mean_utilisation": "", "mean_wait": "s", "p95_pending_work": "× capacity", "p95_queue": "",
    "p95_wait": "s", "p_deviation": "", "peak_pending_work": "× capacity", "peak_queue": "", "restarts": "",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A simulation by its settings: equal cells give equal figures, on any machine.

    Parameters
    ----------
    workload : str
        One of `WORKLOADS`.
    load : float
        Offered, as a share of the capacity, without crowds.
    seed : int
        Of the arrivals; for ``openb``, of which tenth of the tasks is left out.
    controller : str
        A name, perhaps with settings: ``"pid"``, ``"static(p=0.25)"``, ``"pid(setpoint=0.8)"``.
    policy : str
        What places; each ``pack_spread`` in it gets the p of the controller.
    machine : str
        One of `MACHINES`.
    nodes : int
    seconds : float
        Simulated; what still runs then is cut off.
    step : float
        Seconds between two control steps.
    """

    workload: str = "poisson"
    load: float = 0.6
    seed: int = 0
    controller: str = "static(p=0.5)"
    policy: str = "pack_spread"
    machine: str = "published"
    nodes: int = 100
    seconds: float = 10_800.0
    step: float = 10.0

    def __post_init__(self) -> None:
        if self.workload not in WORKLOADS:
            raise InvalidModel(f"workload = {show(self.workload)}: must be one of {', '.join(WORKLOADS)}")
        if self.machine not in MACHINES:
            raise InvalidModel(f"machine = {show(self.machine)}: must be one of {', '.join(MACHINES)}")
        if isinstance(self.nodes, bool) or not isinstance(self.nodes, int) or not 1 <= self.nodes <= 10**6:
            raise InvalidModel(f"nodes = {show(self.nodes)}: must be a whole number from 1 to 10**6")
        checked_load(self.load)
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise InvalidModel(f"seed = {show(self.seed)}: must be a whole number, 0 or more")
        for field in ("step", "seconds"):
            if not 0 < number(getattr(self, field), field) < math.inf:
                raise InvalidModel(
                    f"{field} = {show(getattr(self, field))}: must be above 0 and finite, in seconds"
                )
        if self.step > self.seconds:
            raise InvalidModel(f"step = {show(self.step)}: must be at most seconds = {self.seconds!r}")
        _parsed(self.controller)
        get(self.policy)

    def key(self) -> str:
        """Return the text under which its figures are kept."""
        return json.dumps(asdict(self), sort_keys=True)

    def cluster(self) -> Cluster:
        """Return the empty cluster: 64 CPUs and 256 GiB a node, or for ``openb`` 96 CPUs, 768 GiB and 8 GPUs."""
        if self.workload == "openb":
            nodes = (
                Node(f"n{i}", cpus=96, memory="768GiB", gpus=gpus(8, "V100M32")) for i in range(self.nodes)
            )
        else:
            nodes = (Node(f"n{i}", cpus=64, memory="256GiB") for i in range(self.nodes))
        return Cluster(nodes)

    def arrivals(self, cluster: Cluster) -> Arrivals:
        """Return its workload."""
        if self.workload == "openb":
            return self._openb(cluster)
        common: dict[str, Any] = {"cluster": cluster, "seed": self.seed}
        if self.workload == "step":
            half = self.seconds / 2
            low = arrivals.poisson(load=self.load / 2, seconds=half, **common)
            high = arrivals.poisson(load=self.load, seconds=half, cluster=cluster, seed=self.seed + 1_000_003)
            return Arrivals(
                np.concatenate([low.time, high.time + half]),
                np.concatenate([low.duration, high.duration]),
                _joined(low, high),
                name="step",
            )
        common |= {"load": self.load, "seconds": self.seconds}
        if self.workload == "diurnal":
            return arrivals.diurnal(period=self.seconds / 2, **common)
        return arrivals.bursty(**common) if self.workload == "bursty" else arrivals.poisson(**common)

    def _openb(self, cluster: Cluster) -> Arrivals:
        path = Path(os.environ.get("HAL_TRACES", "")) / "openb" / "openb_pod_list_default.csv"
        if not path.is_file():
            raise InvalidModel(
                f"workload openb: {str(path)!r} is missing; set HAL_TRACES to the folder of traces"
            )
        whole = arrivals.openb(path, cluster=cluster)
        bits = np.random.PCG64(self.seed).random_raw(len(whole))
        rows = np.flatnonzero(bits % np.uint64(10) > 0)
        kept = Arrivals(whole.time[rows], whole.duration[rows], whole.jobs.take(rows), name="openb")
        return kept.at_load(self.load, cluster, seconds=self.seconds)

    def simulate(self, progress: Callable[[float], None] | None = None) -> Simulation:
        """Run it."""
        cluster, machine = self.cluster(), MACHINES[self.machine]
        name, settings = _parsed(self.controller)
        turned: dict[str, Any] = {"p": float(settings.get("p", 0.5))}
        if name != "static":
            turned = {"controller": controller_of(self.controller, machine.cost)}
        return simulate(
            cluster,
            self.arrivals(cluster),
            policy=self.policy,
            step=self.step,
            until=self.seconds,
            power=machine.power(),
            contention=machine.contention,
            sleep=Sleeping(wake=machine.wake),
            seed=self.seed,
            progress=progress,
            **turned,
        )

    def run(self) -> dict[str, float]:
        """Run it and return its figures: the summary, and how p settled and followed."""
        done = self.simulate()
        p, time = done.trace["p"], done.trace["time"]
        figures = dict(done.summary)
        figures["p_deviation"] = float(p[2 * len(p) // 3 :].std())
        if self.workload == "step":
            figures["follows_s"] = follows(time, p, self.seconds / 2)
        return figures

    def with_controller(self, controller: str) -> Cell:
        """Return the same cell with another controller."""
        return replace(self, controller=controller)


def follows(time: np.ndarray[Any, Any], p: np.ndarray[Any, Any], at: float) -> float:
    """Seconds from ``at`` until p has gone nine tenths of its way to where it settles; 0 if it need not move."""
    before = float(p[(time > 0.8 * at) & (time <= at)].mean())
    after = float(p[time > at + 0.5 * (time[-1] - at)].mean())
    if abs(after - before) < 0.05:
        return 0.0
    share = (p - before) / (after - before)
    there = np.flatnonzero((time > at) & (share >= 0.9))
    return float(time[there[0]] - at) if there.size else float("inf")


def controller_of(text: str, cost: Cost) -> Controller:
    """Return the controller of that text in a `Loop`; what knows costs is told ``cost``.

    The PID and the heuristic rest at the level of load that costs least.
    """
    name, settings = _parsed(text)
    level = cost.best_level()
    known: dict[str, dict[str, Any]] = {
        "static": {},
        "heuristic": {"rest": 1 - level},
        "pid": {"setpoint": level, "rest": 1 - level},
        "bayesian": {"cost": replace(cost, queueing=0.0)},
        "mpc": {"cost": cost},
    }
    return Loop(make(name, **(known.get(name, {}) | settings)))


def _parsed(text: object) -> tuple[str, dict[str, Any]]:
    found = re.fullmatch(r"(\w+)(?:\((.*)\))?", text) if isinstance(text, str) else None
    if found is None:
        raise InvalidModel(f'controller = {show(text)}: must be such as "pid" or "static(p=0.25)"')
    settings: dict[str, Any] = {}
    for part in filter(None, (found[2] or "").split(",")):
        key, _, value = part.partition("=")
        try:
            settings[key.strip()] = json.loads(value)
        except ValueError:
            raise InvalidModel(f"controller = {show(text)}: {show(part)} must be name=number") from None
    return found[1], settings


def _joined(first: Arrivals, second: Arrivals) -> Any:
    """Jobs of both: they are drawn from one mix, so their shapes are the same."""
    jobs = first.jobs.take(np.arange(len(first)))
    jobs.shape = np.concatenate([first.jobs.shape, second.jobs.shape])
    if first.jobs.tasks is not None and second.jobs.tasks is not None:
        jobs.tasks = np.concatenate([first.jobs.tasks, second.jobs.tasks])
    return jobs
