"""The same replays for several policies, side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

import numpy as np

from hal.arena.statistics import holm, interval, wilcoxon
from hal.arena.waiting import waits
from hal.errors import InvalidModel
from hal.policy import Policy
from hal.replay.openb import Experiment, published_policy, run

__all__ = ["METRICS", "Bout", "Metric", "contest", "report"]


@dataclass(frozen=True)
class Metric:
    """What policies are compared by.

    Attributes
    ----------
    name, unit, text : str
    higher : bool
        Whether more is better.
    timed : bool
        Depends on the machine, so that it is shown and decides nothing.
    """

    name: str
    unit: str
    text: str
    higher: bool
    timed: bool = False


METRICS: Final = (
    Metric("allocation", "%", "GPUs allocated when demand equals capacity", True),
    Metric("fragmentation", "%", "free GPU share that typical tasks cannot use, at the same time", False),
    Metric("energy", "W/GPU", "power of the cluster for each allocated GPU, at the same time", False),
    Metric("wait", "s", "mean wait where tasks come and go, at 95 % load", False),
    Metric("speed", "1/s", "decisions a second", True, timed=True),
)
#: Percent of arrived demand at which policies are compared.
_AT: Final = 100


@dataclass(frozen=True)
class Bout:
    """One replay: what a policy reached on one trace with one seed.

    Attributes
    ----------
    trace : str
    seed : int
    policy : str
    metrics : mapping of str to float
        By the names of `METRICS`.
    curve : tuple of float
        Allocation at 0 … 130 % arrived demand; NaN where the trace ends before.
    """

    trace: str
    seed: int
    policy: str
    metrics: Mapping[str, float]
    curve: tuple[float, ...]


def contest(
    policies: Mapping[str, Policy | str],
    experiments: Sequence[Experiment],
    seeds: Sequence[int],
    *,
    jobs: int = 600,
    step: Callable[[str], None] = lambda text: None,
) -> list[Bout]:
    """Replay every trace with every seed under every policy.

    Parameters
    ----------
    policies : mapping of str to Policy or str
        By the names they go under. Text gets the published parameters, as in `hal replay openb`.
    experiments : sequence of Experiment
    seeds : sequence of int
        The pairs of the paired tests, together with the traces.
    jobs : int
        Tasks of the replay that measures waits.
    step : callable
        Told what begins.

    Raises
    ------
    InvalidModel
        Fewer than two policies, or no trace or seed.
    """
    if len(policies) < 2 or not experiments or not seeds:
        raise InvalidModel("arena: needs two policies or more, a trace and a seed")
    out: list[Bout] = []
    for experiment in experiments:
        for seed in seeds:
            for name, given in policies.items():
                step(f"{name} on {experiment.trace}, seed {seed}")
                out.append(_bout(experiment, name, given, seed, jobs))
    return out


def _bout(experiment: Experiment, name: str, given: Policy | str, seed: int, jobs: int) -> Bout:
    policy = (
        given.with_seed(seed)
        if isinstance(given, Policy)
        else published_policy(given, experiment.tasks, seed=seed)
    )
    done = run(experiment, policy, seed)
    reached = np.flatnonzero(np.isfinite(done.allocation))
    at = int(min(reached[-1], _AT))
    gpus = done.allocation[at] / 100 * experiment.nodes.gpu_capacity / 1000
    waited = waits(experiment, policy, seed, jobs=jobs)
    return Bout(
        experiment.trace,
        seed,
        name,
        {
            "allocation": float(done.allocation[at]),
            "fragmentation": float(done.fragmentation[at]),
            "energy": float(done.power[at] / gpus) if gpus else 0.0,
            "wait": float(waited.mean()) if waited.size else 0.0,
            "speed": done.arrivals / max(done.seconds, 1e-9),
        },
        tuple(done.allocation.tolist()),
    )


def report(bouts: Sequence[Bout]) -> dict[str, Any]:
    """Return means with 95 % intervals, paired comparisons and the win/loss matrix, fit for JSON.

    A pair is one trace with one seed. p values are of Wilcoxon's signed-rank test, adjusted by Holm's method over the
    policies compared by one metric; the mark is ``***`` below 0.001, ``**`` below 0.01, ``*`` below 0.05. Figures that
    depend on the machine get none.
    """
    names = list(dict.fromkeys(bout.policy for bout in bouts))
    pairs = list(dict.fromkeys((bout.trace, bout.seed) for bout in bouts))
    value = {
        (b.policy, b.trace, b.seed, metric.name): b.metrics[metric.name] for b in bouts for metric in METRICS
    }

    def column(name: str, metric: Metric) -> list[float]:
        return [value[name, trace, seed, metric.name] for trace, seed in pairs]

    summary = {
        name: {
            metric.name: dict(
                zip(("mean", "low", "high"), (_plain(x) for x in interval(column(name, metric))), strict=True)
            )
            for metric in METRICS
        }
        for name in names
    }
    comparisons = [row for metric in METRICS for row in _compared(names, metric, column)]
    return {
        "policies": names,
        "traces": list(dict.fromkeys(trace for trace, _ in pairs)),
        "seeds": list(dict.fromkeys(seed for _, seed in pairs)),
        "metrics": [vars(metric) for metric in METRICS],
        "summary": summary,
        "comparisons": comparisons,
        "wins": _matrix(names, comparisons),
        "bouts": [
            {
                "trace": b.trace,
                "seed": b.seed,
                "policy": b.policy,
                **b.metrics,
                "curve": [_plain(x) for x in b.curve],
            }
            for b in bouts
        ],
    }


def _compared(
    names: Sequence[str], metric: Metric, column: Callable[[str, Metric], list[float]]
) -> list[dict[str, Any]]:
    """Every two policies by one metric."""
    rows: list[dict[str, Any]] = []
    for one, other in combinations(names, 2):
        ours, theirs = column(one, metric), column(other, metric)
        gains = [(a - b) if metric.higher else (b - a) for a, b in zip(ours, theirs, strict=True)]
        rows.append(
            {
                "metric": metric.name,
                "policy": one,
                "against": other,
                "mean_difference": float(np.mean(ours) - np.mean(theirs)),
                "wins": sum(gain > 0 for gain in gains),
                "losses": sum(gain < 0 for gain in gains),
                "ties": sum(gain == 0 for gain in gains),
                "p": None if metric.timed else wilcoxon(gains),
            }
        )
    adjusted = [None] * len(rows) if metric.timed else holm([row["p"] for row in rows])
    for row, value in zip(rows, adjusted, strict=True):
        row["p_adjusted"] = value
        row["mark"] = "" if value is None else "*" * sum(value < level for level in (0.05, 0.01, 0.001))
    return rows


def _matrix(names: Sequence[str], comparisons: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """How often the row beat the column, over pairs and metrics that do not depend on the machine."""
    timed = {metric.name for metric in METRICS if metric.timed}
    out = {name: dict.fromkeys((other for other in names if other != name), 0) for name in names}
    for row in comparisons:
        if row["metric"] not in timed:
            out[row["policy"]][row["against"]] += row["wins"]
            out[row["against"]][row["policy"]] += row["losses"]
    return out


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
