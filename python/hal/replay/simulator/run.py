"""``simulate``: a workload on a cluster in simulated time, with p fixed or turned by a controller."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from hal import _core
from hal._doors import must_be
from hal._show import show
from hal.cluster import Cluster
from hal.energy import PowerModel
from hal.errors import HalError, InvalidModel
from hal.job_columns import JobColumns
from hal.policies import PackSpread, get
from hal.policy import Policy
from hal.replay.arrivals import Arrivals
from hal.replay.simulator.models import Contention, Failures, Sleeping, linear_power, no_power
from hal.replay.simulator.simulation import Simulation, result_of
from hal.signals import Signals, Weights
from hal.signals.signals import half_life_of
from hal.units import Quantity, seconds

__all__ = ["Context", "Controller", "simulate"]

_CHUNK: Final = 256  # steps between two calls of progress without a controller
_LEVELS: Final = 64  # steps of p from 0 to 1
_MODELS: Final = Contention(), Sleeping(), linear_power()


def _turned(policy: Policy | str, fixed: float | None) -> list[Policy]:
    """Return the policy at each p that is told apart; the policy alone when it has no p, or p is fixed."""
    whole = policy if isinstance(policy, Policy) else get(policy)
    if not any(isinstance(scorer, PackSpread) for scorer in whole.scorers):
        return [whole]
    levels = range(_LEVELS + 1) if fixed is None else (int(fixed * _LEVELS + 0.5),)
    return [
        Policy(
            {
                PackSpread(p=level / _LEVELS) if isinstance(scorer, PackSpread) else scorer: weight
                for scorer, weight in whole.scorers.items()
            },
            filters=whole.filters,
            name=whole.name,
            seed=whole.seed,
            tie_seed=whole.tie_seed,
        )
        for level in levels
    ]


class Controller(Protocol):
    """What turns p: ``observe(signals, context)`` once a control step returns an advice with ``p`` and ``rule``."""

    def observe(self, signals: Signals, context: Any) -> Any:
        """Advise the p of the next step: an object with ``p`` in [0, 1] and ``rule``, a text."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a controller may look at beside the signals.

    Attributes
    ----------
    cluster : Cluster
        The simulated cluster as it is now; try things out in its ``what_if()``. What runs is booked there as tasks
        without jobs.
    p : float
        Of the step that has just ended.
    step : float
        Seconds between two calls.
    running : int
        Jobs.
    """

    cluster: Cluster
    p: float
    step: float
    running: int
    _core: Any
    _jobs: JobColumns

    @property
    def waiting(self) -> NDArray[np.uint32]:
        """(k,) uint32: rows of the workload that wait, in order of arrival. O(k log k)."""
        rows: NDArray[np.uint32] = self._core.waiting()
        return rows

    @property
    def pending(self) -> JobColumns:
        """What the waiting jobs ask for, in order of arrival: ready for ``hal.place`` on a what-if."""
        return self._jobs.take(self.waiting)


def simulate(
    cluster: Cluster,
    workload: Arrivals,
    *,
    policy: Policy | str = "pack_spread",
    controller: Controller | None = None,
    p: float = 0.5,
    step: Quantity = "10s",
    until: Quantity | None = None,
    queue: Literal["greedy", "fcfs"] = "greedy",
    contention: Contention | None = _MODELS[0],
    sleep: Sleeping | None = _MODELS[1],
    power: PowerModel | None = _MODELS[2],
    failures: Failures | None = None,
    weights: Weights | None = None,
    half_life: Quantity = "5min",
    seed: int = 0,
    progress: Callable[[float], None] | None = None,
) -> Simulation:
    """Run a workload on a copy of a cluster in simulated time.

    Jobs are placed all tasks or none, as they arrive and as room appears, by a policy in which p is turned.

    Parameters
    ----------
    cluster : Cluster
        Left as it was. What runs there at the start runs on to the end.
    workload : Arrivals
        See `hal.replay.arrivals`.
    policy : Policy or str
        What places. Each `hal.policies.PackSpread` in it gets the p of the step; without one, p changes nothing:
        ``"best_fit"``, ``"pack_spread + 2 * topology_distance"``.
    controller : Controller, optional
        Called once a step with the signals and a `Context`; advises the p of the next step. What it throws ends the
        simulation. None: p stays.
    p : float
        Of the first step, or of all, 0 (pack) … 1 (spread); in steps of 1/64.
    step : str or float
        Seconds between two control steps.
    until : str or float, optional
        When to stop. Default: when all jobs have ended, or none can start any more.
    queue : {"greedy", "fcfs"}
        ``"greedy"``: in order of arrival, whoever fits starts, as orchestrators do. ``"fcfs"``: the head of the queue
        blocks those behind it.
    contention : Contention, optional
        None: nodes are never crowded.
    sleep : Sleeping, optional
        None: empty nodes idle.
    power : PowerModel, optional
        Default: `linear_power`. Its own sleep states are not looked at. None: nothing draws power.
    failures : Failures, optional
        None: nodes do not fail.
    weights, half_life
        Of the signals; see `hal.signals.Monitor`.
    seed : int
        Of the failures.
    progress : callable, optional
        Called now and then with the share done, 0 … 1.

    Returns
    -------
    Simulation

    Raises
    ------
    InvalidModel
        A figure is out of range, or the controller advised something that is no p.
    PolicyError
        The policy is unknown.
    HalError
        The controller changed the cluster.

    Notes
    -----
    The same inputs and seed give the same simulation, event by event. Cost: some microseconds a job.

    Examples
    --------
    >>> import hal
    >>> from hal.replay import arrivals, simulate
    >>> cluster = hal.Cluster([hal.Node(f"n{i}", cpus=64, memory="256GiB") for i in range(10)])
    >>> work = arrivals.poisson(load=0.6, seconds="1h", cluster=cluster, seed=1)
    >>> packed, spread = simulate(cluster, work, p=0), simulate(cluster, work, p=1)
    >>> packed.summary["mean_sigma"] < spread.summary["mean_sigma"]
    True
    """
    _check(cluster, workload, p, queue, seed)
    for field, given, kind in (
        ("contention", contention, Contention),
        ("sleep", sleep, Sleeping),
        ("power", power, PowerModel),
        ("failures", failures, Failures),
        ("weights", weights, Weights),
    ):
        if given is not None:
            must_be(given, kind, field)
    if controller is not None and not callable(getattr(controller, "observe", None)):
        raise InvalidModel(f"controller = {show(controller)}: needs observe(signals, context)")
    span = seconds(step, field="step")
    if not 1e-6 <= span <= 1e9:
        raise InvalidModel(f'step = {show(step)}: must be from 1e-6 to 1e9 s, such as "10s"')
    end = math.inf if until is None else seconds(until, field="until")
    trial = cluster.fork()
    core = _core.Simulator(
        trial._core,
        workload.time,
        workload.duration,
        workload.jobs.shape,
        workload.jobs.shapes,
        workload.jobs.tasks,
        [at._core for at in _turned(policy, p if controller is None else None)],
        (power or no_power())._core_model(),
        contention._tuple() if contention else (0.0, 0.0, 2.0),
        sleep._tuple() if sleep else (-1.0, 0.0, 0),
        failures._tuple(seed) if failures else (0.0, 0.0, seed),
        queue == "fcfs",
        half_life_of(half_life),
        (weights or Weights())._tuple(),
    )
    last = max(end if math.isfinite(end) else workload.span, span)
    level, number, rules = float(p), 0, list[str]()
    while (number + 1) * span <= end * (1 + 1e-12):
        if controller is None:
            chunk = _CHUNK if end == math.inf else min(_CHUNK, int(end * (1 + 1e-12) / span) - number)
            done = core.run(span, number, chunk, level)
            number += done
            more = not core.finished
        else:
            number += 1
            more = core.advance(number * span, level)
            context = Context(trial, level, span, core.running, core, workload.jobs)
            version = trial.version
            advice = controller.observe(Signals(*core.read()), context)
            if trial.version != version:
                raise HalError("controller: it changed the simulated cluster; try things out in what_if()")
            level, rule = _advised(advice)
            rules.append(rule)
        if progress is not None:
            progress(min(core.now / last, 1.0))
        if not more and until is None:
            break
    if progress is not None:
        progress(1.0)
    return result_of(core, workload, rules)


def _check(cluster: object, workload: object, p: object, queue: object, seed: object) -> None:
    must_be(cluster, Cluster, "cluster")
    if not isinstance(workload, Arrivals):
        raise InvalidModel(f"workload = {show(workload)}: must be hal.replay.Arrivals")
    if isinstance(p, bool) or not isinstance(p, (int, float)) or not 0 <= p <= 1:
        raise InvalidModel(f"p = {show(p)}: must be a number from 0 (pack) to 1 (spread)")
    if queue not in ("greedy", "fcfs"):
        raise InvalidModel(f"queue = {show(queue)}: must be 'greedy' or 'fcfs'")
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**63:
        raise InvalidModel(f"seed = {show(seed)}: must be a whole number from 0 to 2**63 - 1")


def _advised(advice: Any) -> tuple[float, str]:
    p = getattr(advice, "p", advice)
    if isinstance(p, bool) or not isinstance(p, (int, float, np.floating)) or not 0 <= p <= 1:
        raise InvalidModel(f"controller: advised p = {show(p)}; must be a number from 0 to 1")
    return float(p), str(getattr(advice, "rule", ""))
