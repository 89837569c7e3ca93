"""The study of controllers: which simulations it takes, and its tables."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from hal.study.cell import Cell
from hal.study.store import Store
from hal.study.summary import Estimate, estimate

__all__ = ["ASSUMED", "CONTROLLERS", "METRICS", "STATICS", "Row", "Study", "markdown"]

CONTROLLERS: Final = ("heuristic", "pid", "bayesian", "mpc")
STATICS: Final = tuple(f"static(p={p / 8:g})" for p in range(9))
PACK, HALF, SPREAD = STATICS[0], STATICS[4], STATICS[8]

#: Machines on which what the simulator assumes is half or twice as much, and the loads they are studied at.
ASSUMED: Final[dict[str, Sequence[float]]] = {"calm": (0.6,), "crowded": (0.6, 0.8), "slow_wake": (0.6,)}

#: Figures that are told, with what multiplies them and what they are called.
METRICS: Final = {
    "p95_pending_work": (1.0, "waiting work, 95th percentile, shares of the capacity"),
    "peak_pending_work": (1.0, "waiting work, peak, shares of the capacity"),
    "mean_wait": (1.0, "mean wait, s"),
    "mean_slowdown": (1.0, "mean bounded slowdown"),
    "mean_sigma": (1.0, "σ, mean"),
    "energy_per_job": (1e-3, "energy a job, kJ"),
    "p_deviation": (1.0, "standard deviation of p over the last third"),
}


@dataclass(frozen=True)
class Row:
    """One workload at one load on one machine, and one figure of it by controller."""

    machine: str
    workload: str
    load: float
    values: dict[str, Estimate]
    best: str  # the static that is best in this figure


@dataclass(frozen=True)
class Study:
    """Which cells there are.

    Parameters
    ----------
    seeds : int
    nodes, seconds
        Of each cell.
    workloads : sequence of str
    loads : sequence of float
    machines : dict of str to sequence of float
        Machines and the loads that each is studied at.
    """

    seeds: int = 10
    nodes: int = 100
    seconds: float = 10_800.0
    workloads: Sequence[str] = ("poisson", "bursty", "diurnal", "openb")
    machines: dict[str, Sequence[float]] = field(
        default_factory=lambda: {"published": (0.6, 0.8, 0.95), "half_idle": (0.6,)}
    )

    def groups(self) -> Iterator[tuple[str, str, float]]:
        """Machine, workload and load of each row."""
        for machine, loads in self.machines.items():
            for workload, load in itertools.product(self.workloads, loads):
                yield machine, workload, load

    def cell(self, machine: str, workload: str, load: float, controller: str, seed: int) -> Cell:
        """Return one cell."""
        return Cell(
            workload=workload,
            load=load,
            seed=seed,
            controller=controller,
            machine=machine,
            nodes=self.nodes,
            seconds=self.seconds,
        )

    def cells(self) -> list[Cell]:
        """Return all cells, seed by seed, so that a study that was stopped has whole tables of fewer seeds."""
        out = []
        for seed in range(self.seeds):
            for machine, workload, load in self.groups():
                for controller in (*STATICS, *CONTROLLERS):
                    out.append(self.cell(machine, workload, load, controller, seed))
            out += [self.cell("half_idle", "step", 0.9, controller, seed) for controller in CONTROLLERS]
        return out

    def rows(self, store: Store, metric: str) -> list[Row]:
        """Return the table of one figure; smaller is better, but for sigma."""
        out = []
        for machine, workload, load in self.groups():
            values = {
                controller: estimate(self.values(store, metric, machine, workload, load, controller))
                for controller in (*STATICS, *CONTROLLERS)
            }
            sign = -1 if metric == "mean_sigma" else 1
            _, best = min((sign * values[name].mean, name) for name in STATICS)
            out.append(Row(machine, workload, load, values, best))
        return out

    def values(
        self, store: Store, metric: str, machine: str, workload: str, load: float, controller: str
    ) -> list[float]:
        """Return one figure of each seed."""
        cells = [self.cell(machine, workload, load, controller, seed) for seed in range(self.seeds)]
        return [store[cell][metric] for cell in cells]

    def changes(
        self, store: Store, metric: str, against: str, controller: str
    ) -> dict[tuple[str, str, float], Estimate]:
        """Relative change of a figure by group, mean of the seeds' paired differences over the mean of ``against``."""
        out = {}
        for group in self.groups():
            base = self.values(store, metric, *group, against)
            mine = self.values(store, metric, *group, controller)
            mean = sum(base) / len(base)
            if mean > 0:
                out[group] = estimate([(b - a) / mean for a, b in zip(base, mine, strict=True)])
        return out

    def follows(self, store: Store) -> dict[str, Estimate]:
        """Seconds until p has followed a step of the load, by controller."""
        return {
            controller: estimate(
                [
                    store[self.cell("half_idle", "step", 0.9, controller, seed)]["follows_s"]
                    for seed in range(self.seeds)
                ]
            )
            for controller in CONTROLLERS
        }


def markdown(rows: Iterable[Row], metric: str) -> str:
    """Return the table of one figure in Markdown."""
    scale, label = METRICS[metric]
    shown = (*((PACK, HALF, SPREAD) if metric != "p_deviation" else ()), *CONTROLLERS)
    names = {PACK: "pack, p = 0", HALF: "p = 0.5", SPREAD: "spread, p = 1"}
    with_best = metric != "p_deviation"
    head = ["machine", "workload", "load", *(names.get(name, name) for name in shown)]
    if with_best:
        head.append("best static")
    lines = [f"**{label}**", "", "| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows:
        cells = [row.machine, row.workload, f"{row.load:.0%}"]
        cells += [str(_scaled(row.values[name], scale)) for name in shown]
        if with_best:
            at = row.best.removeprefix("static(").removesuffix(")").replace("=", " = ")
            cells.append(f"{_scaled(row.values[row.best], scale)} ({at})")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _scaled(value: Estimate, scale: float) -> Estimate:
    return Estimate(value.mean * scale, value.half * scale)
