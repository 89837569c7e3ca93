"""What the jobs of a batch queue may not use for a while: what is reserved, and what has failed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from hal._show import show
from hal.errors import InvalidModel
from hal.model import Job

__all__ = ["Failure", "NodeWindow", "node_failures", "node_windows", "processor_windows"]

#: Begin and end in seconds, and the names of whole nodes, or a job whose needs are set aside where a policy places it.
NodeWindow: TypeAlias = tuple[int, int, Sequence[str] | Job]
#: A node, when it fails, and when it is back; None: never.
Failure: TypeAlias = tuple[str, int, int | None]
#: Begin, end, nodes, and the core's job or None, which the stub of the core does not know to be allowed.
_CoreWindow: TypeAlias = tuple[int, int, list[str], Any]


def node_windows(reservations: Iterable[Any]) -> list[_CoreWindow]:
    """Return reservations of nodes as the core reads them.

    Raises
    ------
    InvalidModel
        An entry is no `NodeWindow`.
    """
    windows: list[_CoreWindow] = []
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


def node_failures(failures: Iterable[Any]) -> list[tuple[str, int, int | None]]:
    """Return failures as the core reads them.

    Raises
    ------
    InvalidModel
        An entry is no `Failure`.
    """
    found: list[tuple[str, int, int | None]] = []
    for entry in failures:
        node, at, back = _three(entry, "failures", "a node, when it fails and when it is back")
        if not isinstance(node, str):
            raise InvalidModel(f"failures: {show(node)}: give the name of a node")
        found.append((node, _second(at, "failures"), None if back is None else _second(back, "failures")))
    return found


def _parts(entry: Any, what: str) -> tuple[int, int, Any]:
    begin, end, held = _three(entry, "reservations", f"begin, end and {what}")
    return _second(begin, "reservations"), _second(end, "reservations"), held


def _three(entry: Any, field: str, what: str) -> tuple[Any, Any, Any]:
    try:
        first, second, third = entry
    except (TypeError, ValueError):
        raise InvalidModel(f"{field}: {show(entry)}: give {what}") from None
    return first, second, third


def _second(value: Any, field: str) -> int:
    if not isinstance(value, int) or abs(value) > 2**62:
        raise InvalidModel(f"{field}: {show(value)}: give whole seconds")
    return int(value)
