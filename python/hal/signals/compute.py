"""The signals of load and queue computed anew from columns, in plain numpy."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hal._columns import check_column
from hal.errors import InvalidModel
from hal.signals.signals import Signals, Weights, half_life_of
from hal.units import Quantity

__all__ = ["compute"]

I64 = NDArray[np.int64]

#: Of tasks: without GPUs by cores, up to 1, 2, 4, …, 32, more; then with a share of a GPU, 1, …, 7 of them, more.
CLASSES: Final = 16
_BITS: Final = 20  # shares are integers in steps of 2**-20, as in the core


def compute(
    *,
    cpu_used: I64,
    cpu_capacity: I64,
    memory_used: I64,
    memory_capacity: I64,
    gpu_used: I64 | None = None,
    gpu_capacity: I64 | None = None,
    idle_devices: I64 | None = None,
    class_tasks: I64 | None = None,
    pending: tuple[int, int, int] = (0, 0, 0),
    pending_jobs: int = 0,
    drift: float = 0.0,
    oldest_gang: float = 0.0,
    time: float = 0.0,
    weights: Weights | None = None,
    half_life: Quantity = "5min",
) -> Signals:
    """Compute the signals of one moment from columns, one entry a node that takes tasks.

    Parameters
    ----------
    cpu_used, cpu_capacity : (n,) int64, milli-CPU
    memory_used, memory_capacity : (n,) int64, MiB
    gpu_used, gpu_capacity : (n,) int64, milli-GPU, optional
        Default: no GPUs.
    idle_devices : (n,) int64, optional
        Devices of which nothing is taken. Default: as many as the free GPU capacity holds.
    class_tasks : (n, 16) int64, optional
        Tasks on each node by class. Without GPUs: up to 1 core, 2, 4, 8, 16, 32, more; with GPUs: a share of one,
        1, 2, …, 7 whole ones, more. Default: none, which makes the entropy 0.
    pending : tuple of three int
        What waiting jobs ask for: milli-CPU, MiB, milli-GPU.
    pending_jobs : int
    drift, oldest_gang, time : float
        Passed through: a single moment does not tell them.
    weights : Weights, optional
    half_life : str or float
        Of the drift, for the potential.

    Returns
    -------
    Signals
        The same as a `Monitor` reads, to about 1e-6.

    Raises
    ------
    InvalidModel
        A column has another length or dtype, or used is not within capacity.

    Notes
    -----
    O(n), plain: the twin that the incremental signals are tested against.

    Examples
    --------
    >>> import numpy as np
    >>> from hal.signals import compute
    >>> full = np.array([8000, 8000])
    >>> compute(cpu_used=np.array([8000, 0]), cpu_capacity=full, memory_used=full * 0, memory_capacity=full).sigma
    0.5
    """
    capacity = check_column("cpu_capacity", cpu_capacity, np.int64, None)
    size = capacity.size
    zero = np.zeros(size, np.int64)
    gpu_room = zero if gpu_capacity is None else gpu_capacity
    gpus = zero if gpu_used is None else gpu_used
    pairs = [
        ("cpu", cpu_used, capacity),
        ("memory", memory_used, memory_capacity),
        ("gpu", gpus, gpu_room),
    ]
    used_share, present = [], []
    totals: list[tuple[int, int]] = []
    for name, used, room in pairs:
        check_column(f"{name}_capacity", room, np.int64, size)
        check_column(f"{name}_used", used, np.int64, size)
        wrong = np.flatnonzero(used > room)
        if wrong.size:
            row = int(wrong[0])
            raise InvalidModel(
                f"{name}_used[{row}] = {int(used[row])}: is above its capacity {int(room[row])}"
            )
        used_share.append((used << _BITS) // np.maximum(room, 1))
        present.append(room > 0)
        totals.append((int(used.sum()), int(room.sum())))

    one = 1 << _BITS
    shares, has = np.array(used_share), np.array(present)
    load = np.max(np.where(has, shares, 0), axis=0, initial=0)
    free = np.where(has, one - shares, 0)
    resources = has.sum(axis=0)
    least = np.min(np.where(has, one - shares, one), axis=0, initial=one)
    stranded = np.where(resources > 0, free.sum(axis=0) // np.maximum(resources, 1) - least, 0)
    diversity = _diversity(class_tasks, size)

    squares = float(np.square(load.astype(np.float64)).sum())
    sigma = min(float(load.sum()) ** 2 / (size * squares), 1.0) if squares > 0 else 1.0
    weight = float(load.sum())
    entropy = float((load * diversity).sum()) / weight if weight > 0 else 0.0
    free_gpu = totals[2][1] - totals[2][0]
    idle = free_gpu // 1000 if idle_devices is None else int(idle_devices.sum())
    utilisation = max((used / room for used, room in totals if room > 0), default=0.0)
    rooms = [room for _, room in totals]
    work = max((amount / room for amount, room in zip(pending, rooms, strict=True) if room > 0), default=0.0)
    fitting = min(
        ((room - used) / amount for amount, (used, room) in zip(pending, totals, strict=True) if amount > 0),
        default=1.0,
    )
    signals = {
        "time": time,
        "sigma": sigma,
        "entropy": min(entropy, 1.0),
        "drift": drift,
        "fragmentation": 1 - 1000 * idle / free_gpu if free_gpu > 0 else 0.0,
        "stranded": float(stranded.sum()) / size / one if size else 0.0,
        "blocking": min(min(fitting, 1.0) * work, 1.0),
        "oldest_gang": oldest_gang,
        "utilisation": utilisation,
        "pending_work": work,
    }
    tau = half_life_of(half_life) / math.log(2)
    return Signals(**signals, pending=pending_jobs, potential=_potential(signals, weights or Weights(), tau))


def _diversity(class_tasks: I64 | None, size: int) -> NDArray[np.float64]:
    if class_tasks is None:
        return np.zeros(size)
    counts = np.asarray(class_tasks)
    if counts.shape != (size, CLASSES) or counts.dtype != np.int64 or (counts < 0).any():
        raise InvalidModel(
            f"class_tasks: is {counts.dtype} of shape {counts.shape}; "
            f"give int64 of shape ({size}, {CLASSES}), 0 or more"
        )
    total = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    share = counts / total
    logs = np.log(np.where(share > 0, share, 1.0))
    entropy: NDArray[np.float64] = -(share * logs).sum(axis=1) / math.log(CLASSES)
    return entropy


def _potential(s: dict[str, float], weights: Weights, tau: float) -> float:
    uneven = s["utilisation"] * (1 - s["sigma"])
    monotone = s["utilisation"] * (1 - s["entropy"])
    growing = tau * max(s["drift"], 0.0)
    return 0.5 * (
        weights.unevenness * uneven**2
        + weights.monotony * monotone**2
        + weights.drift * growing**2
        + weights.waste * s["stranded"] ** 2
    )
