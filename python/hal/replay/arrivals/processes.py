"""Random arrivals: Poisson, bursty and diurnal."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hal._doors import must_be, number
from hal._show import show
from hal.cluster import Cluster
from hal.errors import InvalidModel
from hal.replay.arrivals.arrivals import Arrivals, capacity_of, checked_load
from hal.replay.arrivals.mix import Mix
from hal.units import Quantity
from hal.units import seconds as to_seconds

__all__ = ["bursty", "diurnal", "poisson"]

F64 = NDArray[np.float64]
Rate = tuple[F64, F64]  # breakpoints in seconds, and the relative rate integrated up to each


def poisson(
    *,
    load: float,
    seconds: Quantity,
    cluster: Cluster,
    seed: int = 0,
    duration: Quantity = "5min",
    spread: float = 1.0,
    mix: Mix | None = None,
    users: int = 10,
) -> Arrivals:
    """Jobs that arrive independently of each other at one rate.

    Parameters
    ----------
    load : float
        Work offered in the mean, as a share of the cluster's capacity of the resource asked for most; above 0.
    seconds : str or float
        Over which jobs arrive.
    cluster : Cluster
        Whose capacity the load is a share of.
    seed : int
        The same seed gives the same jobs, on any machine.
    duration : str or float
        Mean; durations are log-normal.
    spread : float
        Standard deviation of the logarithm of durations, 0 … 3; 0: all the same.
    mix : Mix, optional
        What the jobs ask for. Default: `Mix.published`.
    users : int
        Jobs are divided among them at random, 1 or more.

    Returns
    -------
    Arrivals

    Raises
    ------
    InvalidModel
        A figure is out of range.

    Examples
    --------
    >>> import hal
    >>> from hal.replay import arrivals
    >>> cluster = hal.Cluster([hal.Node(f"n{i}", cpus=64, memory="256GiB") for i in range(10)])
    >>> work = arrivals.poisson(load=0.6, seconds="2h", cluster=cluster, seed=1)
    >>> 0.4 < work.load(cluster) < 0.8
    True
    """
    span = _span(seconds)
    rate = np.array([0.0, span]), np.array([0.0, span])
    return _draw("poisson", rate, load, cluster, _bits(seed), duration, spread, mix, users)


def bursty(
    *,
    load: float,
    seconds: Quantity,
    cluster: Cluster,
    seed: int = 0,
    factor: float = 5.0,
    burst: Quantity = "10min",
    share: float = 0.1,
    duration: Quantity = "5min",
    spread: float = 1.0,
    mix: Mix | None = None,
    users: int = 10,
) -> Arrivals:
    """Jobs of a Markov-modulated Poisson process with two states, calm and burst.

    Parameters
    ----------
    load, seconds, cluster, seed, duration, spread, mix, users
        See `poisson`; the load is that of the mean over the states.
    factor : float
        Rate in a burst over the rate when calm, 1 or more.
    burst : str or float
        Mean length of a burst; lengths of both states are exponential.
    share : float
        Of the time that is burst in the mean, in (0, 1).
    """
    span, length = _span(seconds), to_seconds(burst, field="burst")
    if not number(factor, "factor") >= 1 or not 0 < number(share, "share") < 1 or not length > 0:
        raise InvalidModel(
            f"factor = {show(factor)}, share = {show(share)}, burst = {show(burst)}: "
            "must be 1 or more, in (0, 1), and above 0"
        )
    bits = _bits(seed)
    calm = 1 / (1 - share + share * factor)
    means = {False: length * (1 - share) / share, True: length}
    state = bool(_uniform(bits, 1)[0] < share)
    times, passed = [0.0], [0.0]
    while times[-1] < span:
        stay = min(float(-np.log1p(-_uniform(bits, 1)[0])) * means[state], span - times[-1])
        # A state so short that the clock does not move would be entered forever.
        stay = max(stay, span * 1e-12)
        times.append(times[-1] + stay)
        passed.append(passed[-1] + stay * calm * (factor if state else 1.0))
        state = not state
    rate = np.array(times), np.array(passed)
    return _draw("bursty", rate, load, cluster, bits, duration, spread, mix, users)


def diurnal(
    *,
    load: float,
    seconds: Quantity,
    cluster: Cluster,
    seed: int = 0,
    period: Quantity = "24h",
    amplitude: float = 0.5,
    duration: Quantity = "5min",
    spread: float = 1.0,
    mix: Mix | None = None,
    users: int = 10,
) -> Arrivals:
    """Jobs of a Poisson process whose rate swings: rate · (1 + amplitude · sin(2 π t / period)).

    Parameters
    ----------
    load, seconds, cluster, seed, duration, spread, mix, users
        See `poisson`; the load is that of the mean over a period.
    period : str or float
        Of a swing.
    amplitude : float
        In [0, 1].
    """
    span, swing = _span(seconds), to_seconds(period, field="period")
    if not 0 <= number(amplitude, "amplitude") <= 1 or not swing > 0:
        raise InvalidModel(
            f"amplitude = {show(amplitude)}, period = {show(period)}: must be in [0, 1], and above 0"
        )
    times = np.linspace(0.0, span, 1 + max(256, math.ceil(64 * span / swing)))
    passed = times + amplitude * swing / (2 * math.pi) * (1 - np.cos(2 * math.pi * times / swing))
    bits = _bits(seed)
    return _draw("diurnal", (times, passed), load, cluster, bits, duration, spread, mix, users)


def _span(seconds: Quantity) -> float:
    span = to_seconds(seconds, field="seconds")
    if not 0 < span <= 1e9:
        raise InvalidModel(f"seconds = {show(seconds)}: must be above 0 and at most 1e9")
    return span


def _bits(seed: int) -> np.random.PCG64:
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise InvalidModel(f"seed = {show(seed)}: must be a whole number, 0 or more")
    return np.random.PCG64(seed)


def _uniform(bits: np.random.PCG64, count: int) -> F64:
    # By hand: numpy promises the stream of its bit generator, not of the distributions made from it.
    return np.asarray((bits.random_raw(count) >> np.uint64(11)) * 2.0**-53, np.float64)


def _draw(
    name: str,
    rate: Rate,
    load: float,
    cluster: Cluster,
    bits: np.random.PCG64,
    duration: Quantity,
    spread: float,
    mix: Mix | None,
    users: int,
) -> Arrivals:
    mean = to_seconds(duration, field="duration")
    must_be(cluster, Cluster, "cluster")
    checked_load(load)
    if not mean > 0 or not 0 <= number(spread, "spread") <= 3:
        raise InvalidModel(
            f"duration = {show(duration)}, spread = {show(spread)}: must be above 0, and 0 … 3"
        )
    if isinstance(users, bool) or not isinstance(users, int) or not 1 <= users <= 2**31 - 1:
        raise InvalidModel(f"users = {show(users)}: must be a whole number, 1 or more")
    chosen = Mix.published(cluster) if mix is None else must_be(mix, Mix, "mix")
    every = Arrivals(
        np.zeros(len(chosen)), np.zeros(len(chosen)), chosen.columns(np.arange(len(chosen), dtype=np.int32))
    )
    capacity = capacity_of(cluster)
    need = (every.requests() * chosen.shares[:, None]).sum(axis=0)
    if (need[capacity == 0] > 0).any() or not need.any():
        raise InvalidModel("mix: asks for something that the cluster has none of, or for nothing")
    some = capacity > 0
    each = float((need[some] / capacity[some]).max()) * mean  # load of one job a second

    # A Poisson process of rate 1, seen through the integrated rate.
    times, passed = rate
    total = load / each * float(passed[-1])
    if total > 5e7:
        raise InvalidModel(f"load, seconds, duration: make {total:.3g} jobs; at most 5e7")
    ticks: F64 = np.zeros(0)
    while not ticks.size or ticks[-1] < total:
        more = np.cumsum(-np.log1p(-_uniform(bits, int(total + 6 * math.sqrt(total) + 16))))
        ticks = np.concatenate([ticks, more + (ticks[-1] if ticks.size else 0.0)])
    ticks = np.asarray(ticks[ticks < total], np.float64)
    arrival = np.interp(ticks * (each / load), passed, times)
    count = arrival.size
    # Box and Muller.
    normal: F64 = np.sqrt(-2 * np.log1p(-_uniform(bits, count))) * np.cos(2 * math.pi * _uniform(bits, count))
    lasting = mean * np.exp(spread * normal - spread * spread / 2)
    edges = np.cumsum(chosen.shares)
    kind = np.minimum(np.searchsorted(edges, _uniform(bits, count), side="right"), len(chosen) - 1)
    user = (_uniform(bits, count) * users).astype(np.int32)
    return Arrivals(arrival, lasting, chosen.columns(kind.astype(np.int32)), user, name)
