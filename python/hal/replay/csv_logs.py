"""Logs of GPU clusters as CSV: Microsoft Philly and NREL Eagle."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal

import numpy as np

from hal._doors import path_of
from hal.errors import InvalidModel
from hal.replay._files import read_bytes, stem
from hal.replay.workload import Workload

__all__ = ["header_of", "read_eagle", "read_philly"]

_Row = tuple[np.datetime64, int, int, int, str]  # submit, run, amount, requested, user


def header_of(path: Path) -> list[str]:
    """Return the fields of the first line, of a plain or gzip-compressed file; empty when it is not text."""
    try:
        with path.open("rb") as probe:
            compressed = probe.read(2) == b"\x1f\x8b"
        with (gzip.open if compressed else open)(path, "rb") as lines:
            return lines.readline(4096).decode("ascii", errors="replace").strip().split(",")
    except OSError as error:
        raise InvalidModel(f"log: cannot read {str(path)!r}: {error}") from None


def read_philly(path: str | Path, *, processors: int | None = None) -> Workload:
    """Read the Philly log: ``timestamp, duration, num_gpus, gpu_time, cluster``.

    GPUs are the processors and the virtual cluster is the user. The log has no requested times, so the request
    is the run time.

    Parameters
    ----------
    path : path-like
        The file, plain or gzip-compressed.
    processors : int, optional
        GPUs of the machine.

    Returns
    -------
    Workload
        Times are seconds since the first submission. Broken lines are among its ``issues``.

    Raises
    ------
    InvalidModel
        The file cannot be read or lacks a column.
    """
    return _read(
        path_of(path),
        ("timestamp", "duration", "num_gpus", "cluster"),
        lambda row: (
            _moment(row["timestamp"]), _seconds(row["duration"]), int(row["num_gpus"]), -1, row["cluster"],
        ),
        processors,
    )  # fmt: skip


def read_eagle(
    path: str | Path,
    *,
    processors: int | None = None,
    resource: Literal["processors", "nodes", "gpus"] = "processors",
) -> Workload:
    """Read a log of NREL's Eagle, one line a job, with users, requests and run times.

    Parameters
    ----------
    path : path-like
        The file, plain or gzip-compressed.
    processors : int, optional
        How many of ``resource`` the machine has.
    resource : {"processors", "nodes", "gpus"}
        Which request to count; jobs that ask for none of it are left out.

    Returns
    -------
    Workload
        Times are seconds since the first submission. Broken lines are among its ``issues``.

    Raises
    ------
    InvalidModel
        The file cannot be read or lacks a column.
    """
    column = f"{resource}_req"
    return _read(
        path_of(path),
        ("submit_time", "run_time", column, "wallclock_req", "user", "job_id"),
        lambda row: (
            _moment(row["submit_time"]), _seconds(row["run_time"]), int(float(row[column])),
            _seconds(row["wallclock_req"]), row["user"],
        ),
        processors,
    )  # fmt: skip


def _moment(text: str) -> np.datetime64:
    moment = np.datetime64(text.strip(), "s")
    if np.isnat(moment):
        raise ValueError("no time")
    return moment


def _seconds(text: str) -> int:
    return int(float(text))


def _read(
    path: Path, needed: Iterable[str], convert: Callable[[dict[str, str]], _Row], processors: int | None
) -> Workload:
    lines = csv.DictReader(io.StringIO(read_bytes(path).decode("utf-8", errors="replace"), newline=""))
    missing = [name for name in needed if name not in (lines.fieldnames or ())]
    if missing:
        raise InvalidModel(f"log: {str(path)!r} lacks the column {missing[0]!r}; is it another kind of log?")
    rows: list[_Row] = []
    numbers: list[int] = []
    issues: list[str] = []
    for row in lines:
        try:
            rows.append(convert(row))
        except (TypeError, ValueError, OverflowError) as error:
            issues.append(f"line {lines.line_num}: {error}")
        else:
            given = row.get("job_id", "")
            numbers.append(int(given) if given.isdigit() else lines.line_num - 1)
    submit = np.array([row[0] for row in rows], dtype="datetime64[s]").astype(np.int64)
    users = {name: index for index, name in enumerate(dict.fromkeys(row[4] for row in rows))}
    return Workload.from_columns(
        submit=submit - (submit.min() if len(submit) else 0),
        run=np.array([row[1] for row in rows], dtype=np.int64),
        procs=np.array([row[2] for row in rows], dtype=np.int64),
        requested=np.array([row[3] for row in rows], dtype=np.int64),
        user=np.array([users[row[4]] for row in rows], dtype=np.int64),
        job=np.array(numbers, dtype=np.int64),
        name=stem(path),
        processors=processors,
        issues=tuple(issues),
    )
