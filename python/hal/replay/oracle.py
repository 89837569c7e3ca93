"""Logs that carry the exact wait of every job under published algorithms, and the check against them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hal._doors import path_of
from hal.errors import InvalidModel
from hal.replay._files import read_bytes, stem
from hal.replay.queue_replay import replay_queue
from hal.replay.workload import Workload, known_machine

__all__ = ["ORACLE_ALGORITHMS", "Algorithm", "Disagreement", "check_oracle", "read_oracle", "read_waits"]


class Algorithm(NamedTuple):
    """The parts of a published algorithm, as `replay_queue` names them."""

    backfill: str
    predict: str


#: Column of waits → algorithm. All are first come, first served, with Tsafrir's corrections.
ORACLE_ALGORITHMS: Final[dict[str, Algorithm]] = {
    "wait_easy_req": Algorithm("easy", "requested"),
    "wait_easy_clairvoyant": Algorithm("easy", "actual"),
    "wait_easy_sjbf_clairvoyant": Algorithm("easy_sjbf", "actual"),
    "wait_easypp_tsafrir": Algorithm("easy_sjbf", "last_two"),
    "wait_easy_sjbf_req": Algorithm("easy_sjbf", "requested"),
}

_COLUMNS: Final = ("job", "submit", "run", "procs", "req_time", "user")


@dataclass(frozen=True, slots=True)
class Disagreement:
    """How far a replay is from given waits.

    Attributes
    ----------
    column : str
        The algorithm, a key of `ORACLE_ALGORITHMS`.
    jobs : int
        Jobs compared.
    wrong : int
        Jobs whose waits differ.
    first : tuple of (int, int, int) or None
        The first of them: its number, the wait given and the wait replayed.
    """

    column: str
    jobs: int
    wrong: int
    first: tuple[int, int, int] | None


def read_oracle(path: str | Path, *, processors: int | None = None) -> Workload:
    """Read the jobs of an oracle file, ``job, submit, run, procs, req_time, user, wait_…``.

    Parameters
    ----------
    path : path-like
        CSV, plain or gzip-compressed.
    processors : int, optional
        Size of the machine; by default that of the SC'15 study, by the beginning of the file's name
        (KTH-SP2, CTC-SP2, SDSC-SP2, SDSC-BLUE, CEA-Curie).

    Returns
    -------
    Workload
        The jobs as they are: runs longer than their request are not touched.

    Raises
    ------
    InvalidModel
        The file cannot be read, lacks a column, or holds something other than whole numbers.
    """
    path = path_of(path)
    columns = _read_columns(path)
    missing = [name for name in _COLUMNS if name not in columns]
    if missing:
        raise InvalidModel(f"oracle: {str(path)!r} lacks the column {missing[0]!r}")
    name = stem(path)
    return Workload.from_columns(
        submit=columns["submit"],
        run=columns["run"],
        procs=columns["procs"],
        requested=columns["req_time"],
        user=columns["user"],
        job=columns["job"],
        name=name,
        processors=known_machine(name) if processors is None else processors,
        overrun="ignore",
    )


def read_waits(path: str | Path) -> tuple[NDArray[np.int64], dict[str, NDArray[np.int64]]]:
    """Read waits by job: the column ``job`` and every column that starts with ``wait_``.

    Parameters
    ----------
    path : path-like
        CSV, plain or gzip-compressed; an oracle file will do.

    Returns
    -------
    job : ndarray of int64, shape (n_jobs,)
        Job numbers.
    waits : dict of str to ndarray of int64, shape (n_jobs,)
        Seconds, by column name.

    Raises
    ------
    InvalidModel
        The file cannot be read, has no waits, or holds something other than whole numbers.
    """
    columns = _read_columns(path_of(path))
    waits = {name: column for name, column in columns.items() if name.startswith("wait_")}
    if not waits:
        raise InvalidModel(f"oracle: {str(path)!r} lacks a column that starts with 'wait_'")
    return columns["job"], waits


def check_oracle(
    workload: Workload, job: NDArray[np.int64], waits: dict[str, NDArray[np.int64]]
) -> list[Disagreement]:
    """Replay each algorithm of ``waits`` and compare every job's wait.

    Parameters
    ----------
    workload : Workload
        The jobs, on a machine of known size.
    job : ndarray of int64, shape (n,)
        Numbers of the jobs to compare, each once.
    waits : dict of str to ndarray of int64, shape (n,)
        Expected waits in seconds, by a key of `ORACLE_ALGORITHMS`.

    Returns
    -------
    list of Disagreement
        One an algorithm, in the order of ``waits``; a job that the workload lacks counts as wrong.

    Raises
    ------
    InvalidModel
        A column is no known algorithm.
    """
    unknown = [name for name in waits if name not in ORACLE_ALGORITHMS]
    if unknown:
        raise InvalidModel(f"oracle: unknown column {unknown[0]!r}; known: {', '.join(ORACLE_ALGORITHMS)}")
    by_number = np.argsort(workload.job, kind="stable")
    at = np.searchsorted(workload.job, job, sorter=by_number)
    row = by_number[np.minimum(at, len(workload) - 1)]
    absent = workload.job[row] != job
    answers = []
    for name, expected in waits.items():
        algorithm = ORACLE_ALGORITHMS[name]
        run = replay_queue(workload, backfill=algorithm.backfill, predict=algorithm.predict)
        got = np.where(absent, -1, run.wait[row])
        wrong = np.flatnonzero(got != expected)
        first = (int(job[wrong[0]]), int(expected[wrong[0]]), int(got[wrong[0]])) if len(wrong) else None
        answers.append(Disagreement(name, len(job), len(wrong), first))
    return answers


def _read_columns(path: Path) -> dict[str, NDArray[Any]]:
    header, _, body = read_bytes(path).decode("ascii", errors="replace").partition("\n")
    names = [name.strip() for name in header.split(",")]
    if "job" not in names:
        raise InvalidModel(
            f"oracle: {str(path)!r} lacks the column 'job'; give a CSV file with it and columns that start with 'wait_'"
        )
    try:
        table = np.loadtxt(body.splitlines(), delimiter=",", dtype=np.int64, ndmin=2)
    except ValueError as error:
        raise InvalidModel(f"oracle: {str(path)!r}: {error} (rows counted after the header)") from None
    if table.size and table.shape[1] != len(names):
        raise InvalidModel(f"oracle: {str(path)!r} has {table.shape[1]} columns and {len(names)} names")
    if not table.size:
        table = np.empty((0, len(names)), dtype=np.int64)
    return {name: np.ascontiguousarray(table[:, index]) for index, name in enumerate(names)}
