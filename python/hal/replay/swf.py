"""Logs in the Standard Workload Format: 18 fields a job, header directives, and every oddity reported."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from numpy.typing import NDArray

from hal import _core
from hal._doors import path_of
from hal.replay._files import read_bytes, stem

__all__ = ["FIELDS", "SwfIssue", "SwfLog", "read_swf"]

#: The 18 fields in file order. All are int64 (-1: unknown) except cpu_time and memory_used (float64).
FIELDS: Final = (
    "job", "submit", "wait", "run", "procs_used", "cpu_time", "memory_used", "procs_requested",
    "time_requested", "memory_requested", "status", "user", "group", "executable", "queue", "partition",
    "preceding_job", "think_time",
)  # fmt: skip

_FAULTS: Final = ("too few fields", "not a number", "extra fields", "negative time")
_BROKEN: Final = frozenset(_FAULTS[:2])
_DIRECTIVE: Final = re.compile(r"\s*([A-Za-z]\w*)\s*:\s*(.*)")


@dataclass(frozen=True, slots=True)
class SwfIssue:
    """Something wrong with one line of a log.

    Attributes
    ----------
    line : int
        1-based line number in the (decompressed) file.
    fault : str
        ``"too few fields"`` and ``"not a number"``: the line is broken and carries no job.
        ``"extra fields"``: loaded, what follows the 18th field is ignored.
        ``"negative time"``: loaded as it stands, but never replayed when submit or run is negative.
    field : int
        1-based field at fault; for ``"too few fields"`` how many there are.
    """

    line: int
    fault: str
    field: int

    @property
    def broken(self) -> bool:
        """Whether the line carries no job."""
        return self.fault in _BROKEN

    def __str__(self) -> str:
        where = f"{self.field} fields" if self.fault == "too few fields" else f"field {self.field}"
        return f"line {self.line}: {self.fault} ({where})"


@dataclass(frozen=True, eq=False)
class SwfLog:
    """A log as it stands in the file, one column a field.

    Attributes
    ----------
    name : str
        The file's name without endings.
    columns : dict of str to ndarray
        One array a field of `FIELDS`, shape ``(n_jobs,)``.
    directives : dict of str to str
        Header lines ``; Key: value``, lower-case keys; repeated keys are joined by line breaks.
    issues : tuple of SwfIssue
        In order of the lines. A line that carries no job is always among them.
    """

    name: str
    columns: dict[str, NDArray[Any]]
    directives: dict[str, str]
    issues: tuple[SwfIssue, ...]

    def __len__(self) -> int:
        return len(self.columns["job"])

    def __getitem__(self, field: str) -> NDArray[Any]:
        return self.columns[field]

    @property
    def processors(self) -> int | None:
        """Size of the machine by the header: ``MaxProcs``, else ``MaxNodes``, else None."""
        for key in ("maxprocs", "maxnodes"):
            found = re.match(r"\d+", self.directives.get(key, ""))
            if found and int(found[0]) > 0:
                return int(found[0])
        return None

    @property
    def faults(self) -> dict[str, int]:
        """How many issues of each kind there are."""
        return dict(Counter(issue.fault for issue in self.issues))


def read_swf(path: str | Path) -> SwfLog:
    """Read a log in the Standard Workload Format, plain or gzip-compressed.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    SwfLog
        Every line that is not blank or a header is a job or an issue. Integer fields written with a fraction
        are cut to integers.

    Raises
    ------
    InvalidModel
        The file cannot be read or decompressed.

    Notes
    -----
    One pass in the core, about 10 MB of text in 0.1 s.
    Format: https://www.cs.huji.ac.il/labs/parallel/workload/swf.html (version 2.2).
    """
    path = path_of(path)
    columns, headers, lines, fields, faults = _core.parse_swf(read_bytes(path))
    directives: dict[str, str] = {}
    for header in headers:
        found = _DIRECTIVE.match(header.decode("latin-1"))
        if found:
            key = found[1].lower()
            directives[key] = f"{directives[key]}\n{found[2]}" if key in directives else found[2]
    issues = tuple(
        SwfIssue(line, _FAULTS[fault], field)
        for line, field, fault in zip(lines.tolist(), fields.tolist(), faults.tolist(), strict=True)
    )
    for column in columns:
        column.flags.writeable = False
    return SwfLog(stem(path), dict(zip(FIELDS, columns, strict=True)), directives, issues)
