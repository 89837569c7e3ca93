"""Reservations in the way of a batch queue: what its jobs may not use for a while."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from hal import _core
from hal._show import show
from hal.errors import InvalidModel
from hal.model import Job

__all__ = ["NodeWindow", "node_windows", "processor_windows"]

#: Begin and end in seconds, and the names of whole nodes, or a job whose needs are set aside where a policy places it.
NodeWindow: TypeAlias = tuple[int, int, Sequence[str] | Job]


def node_windows(reservations: Iterable[Any]) -> list[tuple[int, int, list[str], _core.JobSpec | None]]:
    """Return reservations of nodes as the core reads them.

    Raises
    ------
    InvalidModel
        An entry is no `NodeWindow`.
    """
    windows: list[tuple[int, int, list[str], _core.JobSpec | None]] = []
    for entry in reservations:
        begin, end, what = _parts(entry, "nodes, a list of names or a Job")
        if isinstance(what, Job):
            windows.append((begin, end, [], what._handle))
        elif (
            isinstance(what, Sequence) and not isinstance(what, str) and all(isinstance(n, str) for n in what)
        ):
            windows.append((begin, end, list(what), None))
        else:
            raise InvalidModel(f"reservations: {show(what)}: give a list of node names, or a Job")
    return windows


def processor_windows(reservations: Iterable[Any]) -> list[tuple[int, int, int]]:
    """Return reservations of processors as the core reads them.

    Raises
    ------
    InvalidModel
        An entry is not begin, end and a count.
    """
    windows = []
    for entry in reservations:
        begin, end, procs = _parts(entry, "processors")
        if type(procs) is not int:
            raise InvalidModel(f"reservations: {show(procs)}: give a count of processors")
        windows.append((begin, end, procs))
    return windows


def _parts(entry: Any, what: str) -> tuple[int, int, Any]:
    try:
        begin, end, held = entry
    except (TypeError, ValueError):
        raise InvalidModel(f"reservations: {show(entry)}: give begin, end and {what}") from None
    for second in (begin, end):
        if not isinstance(second, int) or abs(second) > 2**62:
            raise InvalidModel(f"reservations: {show(second)}: give whole seconds")
    return int(begin), int(end), held
