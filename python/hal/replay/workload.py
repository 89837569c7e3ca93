"""What a replay needs of a log: clean columns in order of submission, and a word on every job left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hal._doors import path_of
from hal.errors import InvalidModel
from hal.replay._whole import whole
from hal.replay.dependencies import Dependencies, feedback
from hal.replay.swf import SwfLog, read_swf

__all__ = ["Overrun", "Workload", "read_workload"]

#: What to do with a run longer than its request: end it there, raise the request, or let it run on, in which
#: case its processors count as free from the request on and the schedule may exceed the machine.
Overrun = Literal["kill", "extend", "ignore"]

_LONGEST: Final = 2**31 - 2  # seconds; the core's limit for a duration
_MACHINES: Final = {"KTH-SP2": 100, "CTC-SP2": 338, "SDSC-SP2": 128, "SDSC-BLUE": 1152, "CEA-Curie": 80640}


@dataclass(frozen=True, eq=False)
class Workload:
    """Jobs ready to be replayed.

    Attributes
    ----------
    name : str
        Of the log.
    processors : int or None
        Size of the machine, None when the log does not say.
    job : ndarray of int64, shape (n_jobs,)
        Numbers in the log.
    submit : ndarray of int64, shape (n_jobs,)
        Seconds, at least 0, never decreasing.
    run, requested : ndarray of int64, shape (n_jobs,)
        Seconds, 0 to 2**31 - 2.
    procs : ndarray of int32, shape (n_jobs,)
        At least 1; at most ``processors`` when that is known.
    user : ndarray of int32, shape (n_jobs,)
        -1 when unknown.
    left_out : dict of int to str
        Jobs of the log that cannot be replayed, by number, and why.
    issues : tuple of str
        Lines of the file that carry no job or were loaded with a fault.
    after : Dependencies
        Which jobs wait for which before they enter the queue.
    failed : ndarray of uint8, shape (n_jobs,) or (0,)
        1 where a job ends badly, which matters to those that wait for its good end; empty: none does.
    """

    name: str
    processors: int | None
    job: NDArray[np.int64]
    submit: NDArray[np.int64]
    run: NDArray[np.int64]
    procs: NDArray[np.int32]
    requested: NDArray[np.int64]
    user: NDArray[np.int32]
    left_out: dict[int, str] = field(default_factory=dict)
    issues: tuple[str, ...] = ()
    after: Dependencies = field(default_factory=lambda: Dependencies.of(()))
    failed: NDArray[np.uint8] = field(default_factory=lambda: np.empty(0, dtype=np.uint8))

    def __len__(self) -> int:
        return len(self.job)

    @classmethod
    def from_columns(
        cls,
        *,
        submit: ArrayLike,
        run: ArrayLike,
        procs: ArrayLike,
        requested: ArrayLike | None = None,
        user: ArrayLike | None = None,
        job: ArrayLike | None = None,
        name: str = "jobs",
        processors: int | None = None,
        overrun: Overrun = "kill",
        issues: tuple[str, ...] = (),
        after: Iterable[Sequence[Any]] = (),
        failed: ArrayLike | None = None,
    ) -> Workload:
        """Make a workload, leaving out what cannot be replayed.

        Left out, each with its reason in `left_out`: jobs with a negative submit time, an unknown (negative)
        run time, no known number of processors, more processors than the machine, or a duration above
        2**31 - 2 s. A request that is unknown (below 1) is taken to be the run time. Jobs are sorted by submit
        time, ties in the order given.

        Parameters
        ----------
        submit, run, procs, requested, user, job : array-like, shape (n_jobs,)
            Whole numbers; seconds for times. ``requested`` defaults to the run times, ``user`` to -1, ``job``
            to 1, 2, ….
        name : str
            For messages and tables.
        processors : int, optional
            Size of the machine.
        overrun : {"kill", "extend", "ignore"}
            For runs longer than their request: end them there (as machines do), raise the request to the run,
            or let them run on; see `Overrun`.
        issues : tuple of str
            Carried along.
        after : iterable of (int, int, str) or (int, int, str, int)
            Job, the job it waits for (both by number), ``"ok"`` (that one ended well, else this one never runs),
            ``"any"`` (it ended) or ``"start"`` (it started), and seconds after that; 0 by default. A job enters the
            queue when all it waits for has happened, not before its submit time. Jobs that were left out bind
            nobody.
        failed : array-like of bool, shape (n_jobs,), optional
            Jobs that end badly.

        Raises
        ------
        InvalidModel
            A column is not of whole numbers or of another length; ``processors`` is below 1; ``after`` names an
            unknown job or kind, or jobs wait for each other in a circle.
        """
        if processors is not None and processors < 1:
            raise InvalidModel(f"processors is {processors}; give at least 1")
        if overrun not in ("kill", "extend", "ignore"):
            raise InvalidModel(f"overrun is {overrun!r}; use 'kill', 'extend' or 'ignore'")
        times = whole("submit", submit, None)
        count = len(times)
        runs = whole("run", run, count)
        wide = whole("procs", procs, count)
        asked = runs if requested is None else whole("requested", requested, count)
        users = np.full(count, -1) if user is None else whole("user", user, count)
        numbers = np.arange(1, count + 1) if job is None else whole("job", job, count)

        bad = np.empty(0) if failed is None else whole("failed", np.asarray(failed, dtype=bool), count)

        asked = np.where(asked < 1, runs, asked)
        reasons = np.select(
            [
                times < 0,
                runs < 0,
                wide < 1,
                wide > (processors if processors is not None else _LONGEST),
                (runs > _LONGEST) | (asked > _LONGEST),
            ],
            [
                "submit time is negative",
                "run time is unknown or negative",
                "number of processors is unknown",
                f"wider than the machine of {processors} processors",
                "lasts more than 2**31 - 2 s",
            ],
            default="",
        )
        keep = reasons == ""
        left_out = dict(zip(numbers[~keep].tolist(), reasons[~keep].tolist(), strict=True))
        kept = np.flatnonzero(keep)
        kept = kept[np.argsort(times[kept], kind="stable")]
        times, runs, asked = times[kept], runs[kept], asked[kept]
        if overrun == "kill":
            runs = np.minimum(runs, asked)
        elif overrun == "extend":
            asked = np.maximum(runs, asked)
        columns = (
            numbers[kept],
            times,
            runs,
            wide[kept].astype(np.int32),
            asked,
            users[kept].astype(np.int32),
        )
        for column in columns:
            column.flags.writeable = False
        return cls(
            name,
            processors,
            *columns,
            left_out=left_out,
            issues=issues,
            after=Dependencies.between(after, numbers, kept),
            failed=(bad[kept] if len(bad) else bad).astype(np.uint8),
        )

    @classmethod
    def from_swf(
        cls,
        log: SwfLog,
        *,
        processors: int | None = None,
        overrun: Overrun = "kill",
        think_times: bool = False,
    ) -> Workload:
        """Make a workload of an SWF log: requested processors and time where known, else those used.

        Parameters
        ----------
        log : SwfLog
            As read.
        processors : int, optional
            Size of the machine; the header's by default.
        overrun : {"kill", "extend", "ignore"}
            See `from_columns`.
        think_times : bool
            Let a job with a preceding job (field 17) enter the queue its think time (field 18) after the end of
            that job in the replay, whatever its own submit time; in the workload its submit time is then that of
            the first job of the chain. Otherwise both fields are not looked at.
        """
        submit, after = feedback(log) if think_times else (log["submit"], [])
        wanted = log["procs_requested"]
        return cls.from_columns(
            submit=submit,
            after=after,
            run=log["run"],
            procs=np.where(wanted > 0, wanted, log["procs_used"]),
            requested=log["time_requested"],
            user=log["user"],
            job=log["job"],
            name=log.name,
            processors=log.processors if processors is None else processors,
            overrun=overrun,
            issues=tuple(str(issue) for issue in log.issues),
        )

    def on(self, processors: int) -> Workload:
        """Return the workload on a machine of another size, without the jobs wider than it."""
        if len(self.after):
            raise InvalidModel("on: jobs wait for each other; read the log for the other machine instead")
        again = Workload.from_columns(
            submit=self.submit, run=self.run, procs=self.procs, requested=self.requested, user=self.user,
            job=self.job, name=self.name, processors=processors, overrun="ignore", issues=self.issues,
        )  # fmt: skip
        return replace(again, left_out={**self.left_out, **again.left_out})

    @property
    def left_out_counts(self) -> dict[str, int]:
        """How many jobs were left out for each reason."""
        return dict(Counter(self.left_out.values()))


def known_machine(name: str) -> int | None:
    """Return the size of a machine of the SC'15 study by the beginning of the log's name."""
    for machine, processors in _MACHINES.items():
        if name.lower().startswith(machine.lower()):
            return processors
    return None


def read_workload(
    path: str | Path,
    *,
    processors: int | None = None,
    overrun: Overrun = "kill",
    think_times: bool = False,
) -> Workload:
    """Read any log this package knows, by what is in it.

    A CSV file is told by its header line: an oracle file, Philly or NREL Eagle. Anything else is SWF.

    Parameters
    ----------
    path : path-like
        The file, plain or gzip-compressed.
    processors : int, optional
        Size of the machine; by default what the log says.
    overrun : {"kill", "extend", "ignore"}
        See `Workload.from_columns`.
    think_times : bool
        See `Workload.from_swf`; other logs know no preceding jobs.

    Raises
    ------
    InvalidModel
        The file cannot be read or has no job at all.
    """
    from hal.replay import csv_logs, oracle

    path = path_of(path)
    readers: tuple[tuple[str, Any], ...] = (
        ("wait_easy", oracle.read_oracle),
        ("num_gpus", csv_logs.read_philly),
        ("wallclock_req", csv_logs.read_eagle),
    )
    header = csv_logs.header_of(path)
    for mark, reader in readers:
        if any(name.startswith(mark) for name in header):
            workload: Workload = reader(path, processors=processors)
            break
    else:
        workload = Workload.from_swf(
            read_swf(path), processors=processors, overrun=overrun, think_times=think_times
        )
    if not len(workload):
        raise InvalidModel(f"log: {str(path)!r} has no job that can be replayed")
    return workload
