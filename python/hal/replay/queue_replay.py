"""Replay of a workload through a batch queue in front of a machine counted in processors."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hal import _core
from hal._doors import must_be
from hal.errors import InvalidModel, PolicyError
from hal.replay.queue_run import QueueRun
from hal.replay.workload import Workload

__all__ = ["BACKFILLS", "CORRECTIONS", "ORDERS", "PREDICTIONS", "OrderFunction", "Predicts"]
__all__ += ["WaitingJobs", "replay_queue"]

ORDERS: Final = ("fcfs", "sjf", "ljf", "wfp3", "unicef", "f1", "aged_sjf", "priority", "fair_share")
BACKFILLS: Final = ("none", "easy", "easy_sjbf", "conservative", "slots")
PREDICTIONS: Final = ("requested", "actual", "last_two")
CORRECTIONS: Final = ("increments", "requested", "doubling")


#: A log as the core reads it: submit, run, procs, requested, user, priority, predictions to hold, fill and rank by.
LogColumns = tuple[
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.int32],
    NDArray[np.int64],
    NDArray[np.int32],
    NDArray[np.float64],
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.int64],
]


@runtime_checkable
class Predicts(Protocol):
    """What a predictor offers a replay: its history of jobs, and its guess from a row of features."""

    def for_replay(self) -> tuple[_core.JobHistory, Any]:
        """Return the history, and ``f(now, requested, user, row) -> (hold, fill, rank)``."""


@dataclass(frozen=True, slots=True, eq=False)
class WaitingJobs:
    """The queue as an order function sees it; all arrays have shape ``(n_waiting,)``.

    Attributes
    ----------
    row : ndarray of int64
        Rows of the workload.
    wait, predicted, requested : ndarray of int64
        Seconds.
    submit : ndarray of int64
        When the job entered the queue, seconds.
    procs, user : ndarray of int32
        As in the workload.
    """

    row: NDArray[np.int64]
    submit: NDArray[np.int64]
    wait: NDArray[np.int64]
    predicted: NDArray[np.int64]
    requested: NDArray[np.int64]
    procs: NDArray[np.int32]
    user: NDArray[np.int32]


#: ``f(now, waiting) -> keys``, one number a waiting job; the smallest is next, ties go to the earlier one.
OrderFunction = Callable[[int, WaitingJobs], ArrayLike]


def replay_queue(
    workload: Workload,
    *,
    order: str | OrderFunction = "fcfs",
    backfill: str = "easy",
    predict: str | ArrayLike | Predicts = "requested",
    correct: str = "increments",
    processors: int | None = None,
    priority: ArrayLike | None = None,
    ageing: float = 0.0,
    max_age: float = math.inf,
    half_life: float = 7 * 86_400,
    depth: int = 100,
    window: int = 86_400,
    resolution: int = 60,
    reservations: Iterable[tuple[int, int, int]] = (),
) -> QueueRun:
    """Replay a workload through a batch queue.

    Events at equal times: predictions that expire, then submissions, then ends; the queue is looked at after
    every submission and every end. A job whose predicted end has come counts as free.

    Parameters
    ----------
    workload : Workload
        The jobs, and which of them wait for others.
    order : str or callable
        Who is next: ``"fcfs"``, ``"sjf"``, ``"ljf"``, ``"wfp3"``, ``"unicef"``, ``"f1"``, ``"aged_sjf"``,
        ``"priority"``, ``"fair_share"`` (the user who has used least), or a function of the time and the
        `WaitingJobs` that returns keys, smallest first. A function is called at every event: slow but easy.
    backfill : str
        ``"none"``, ``"easy"``, ``"easy_sjbf"``, ``"conservative"`` or ``"slots"``.
    predict : str, array-like of int, shape (n_jobs,) or (n_jobs, 3), or a predictor of `hal.predict`
        The runtimes by which the queue plans: ``"requested"``, ``"actual"`` (clairvoyant), ``"last_two"``
        (Tsafrir: mean of the user's two last finished runs) or seconds. Three columns are what a job is
        believed to hold its processors for, what it may take when it fills a gap (EASY only), and what it is
        ranked by. A predictor is asked at every submission and told of every start and end, and learns.
    correct : str
        What follows when a job outlives its prediction: ``"increments"`` (Tsafrir), ``"requested"``,
        ``"doubling"``; never more than the request.
    processors : int, optional
        Size of the machine; the workload's by default.
    priority : array-like of float, shape (n_jobs,), optional
        For the order ``"priority"``: larger is more urgent. Zeros by default.
    ageing, max_age : float
        For the order ``"priority"``: priority gained by a second of waiting, and the seconds after which it
        stops growing.
    half_life : float
        For the order ``"fair_share"``: seconds after which use counts half, above 0. Default: 7 days. Users are
        ranked by the processors they held over all the past, weighted by ``2 ** (-age / half_life)``, running
        jobs included; jobs of one user go by submission.
    depth, window, resolution : int
        For the backfill ``"slots"``: jobs examined in a pass, seconds planned ahead, seconds of a slot.
    reservations : iterable of (int, int, int)
        Begin and end in seconds, and processors that jobs may not use in between; needs the backfill
        ``"conservative"`` or ``"slots"``. Kept as long as no job outlives its prediction.

    Returns
    -------
    QueueRun
        Start of every job.

    Raises
    ------
    InvalidModel
        The machine's size is unknown, a job is wider than it, jobs wait for each other in a circle, or an array
        has the wrong shape or values.
    PolicyError
        An unknown name, or an order function that failed or returned no proper keys.

    Notes
    -----
    Cost of EASY: a scan of the running jobs and a few vector instructions per 16 waiting jobs at every end;
    memory is linear in the jobs.
    """
    must_be(workload, Workload, "workload")
    size = workload.processors if processors is None else processors
    if size is None:
        raise InvalidModel(f"processors: the log {workload.name!r} does not say; give the machine's size")
    columns, source = columns_of(workload, predict, priority)
    start, entered, promise, first_guess = _core.replay_queue(
        *columns,
        size,
        adapted(order, workload) if callable(order) else order,
        ageing,
        max_age,
        half_life,
        backfill,
        depth,
        window,
        resolution,
        source,
        correct,
        list(reservations),
        workload.after.row,
        workload.after.other,
        workload.after.kind,
        workload.after.delay,
        workload.failed,
    )
    return QueueRun(workload, size, start, entered, promise, first_guess)


def columns_of(
    workload: Workload, predict: str | ArrayLike | Predicts, priority: ArrayLike | None
) -> tuple[LogColumns, str | tuple[_core.JobHistory, Any]]:
    """Return what the core reads of a workload, in its order, and where predictions come from."""
    count = len(workload)
    source: str | tuple[_core.JobHistory, Any] = "given"
    given = fill = rank = np.empty(0, dtype=np.int64)
    if isinstance(predict, str):
        if predict not in PREDICTIONS:
            raise PolicyError(f"predict is {predict!r}; use {', '.join(PREDICTIONS)} or an array of seconds")
        source = predict
    elif isinstance(predict, Predicts):
        source = predict.for_replay()
    else:
        given, fill, rank = _guesses(predict, count)
    urgent = np.empty(0) if priority is None else _priorities(priority, count)
    log = workload.submit, workload.run, workload.procs, workload.requested, workload.user
    return (*log, urgent, given, fill, rank), source


def adapted(
    order: OrderFunction, workload: Workload
) -> Callable[[int, NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]], NDArray[np.float64]]:
    """Return an order function as the core calls it."""

    def keys(
        now: int, row: NDArray[np.int64], submit: NDArray[np.int64], predicted: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        waiting = WaitingJobs(
            row,
            submit,
            now - submit,
            predicted,
            workload.requested[row],
            workload.procs[row],
            workload.user[row],
        )
        try:
            answer = np.ascontiguousarray(order(now, waiting), dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise PolicyError(f"order function: {error}") from error
        if answer.shape != row.shape:
            raise PolicyError(f"order function: keys of shape {answer.shape} for {len(row)} waiting jobs")
        return answer

    return keys


def _guesses(values: ArrayLike, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    array = np.asarray(values)
    if array.ndim == 2 and array.shape[1:] == (3,):
        hold, fill, rank = (_seconds("predict", array[:, use], count) for use in range(3))
        return hold, fill, rank
    given = _seconds("predict", array, count)
    return given, given, given


def _seconds(name: str, values: ArrayLike, count: int) -> NDArray[np.int64]:
    array = np.asarray(values)
    if array.shape != (count,):
        raise InvalidModel(f"{name} has shape {array.shape}; give one number for each of the {count} jobs")
    if array.dtype.kind == "f":
        if not np.isfinite(array).all():
            raise InvalidModel(f"{name} has an entry that is not finite; give seconds")
        array = np.rint(array)
    elif array.dtype.kind not in "iu":
        raise InvalidModel(f"{name} has dtype {array.dtype}; give seconds")
    return np.ascontiguousarray(array, dtype=np.int64)


def _priorities(values: ArrayLike, count: int) -> NDArray[np.float64]:
    array = np.ascontiguousarray(values, dtype=np.float64)
    if array.shape != (count,) or not np.isfinite(array).all():
        raise InvalidModel(f"priority has shape {array.shape}; give {count} finite numbers")
    return array
