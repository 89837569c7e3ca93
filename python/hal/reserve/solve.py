"""From requests to a plan: list schedules, CP-SAT on the compact model, and a check of whatever comes out."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Final

from hal._doors import must_be
from hal._show import show
from hal.cluster import Cluster
from hal.errors import InvalidModel
from hal.reserve._problem import Entry, Problem, Site
from hal.reserve._search import Search
from hal.reserve._value import Value
from hal.reserve.objective import Objective, checked
from hal.reserve.plan import Booking, Plan
from hal.reserve.request import Maintenance, Request, occurrences, whole
from hal.topology import Topology
from hal.units import Quantity, memory_mib

__all__ = ["solve"]

_FOREVER: Final = 2**42


def solve(
    requests: Iterable[Request | Maintenance],
    cluster: Cluster,
    *,
    objective: Objective = "tardiness",
    caches: Mapping[str, Quantity] | None = None,
    topology: Topology | None = None,
    promises: Iterable[Booking] = (),
    now: int | None = None,
    time_limit: float = 10.0,
    seed: int = 0,
) -> Plan:
    """Decide when and where requests run.

    Parameters
    ----------
    requests : iterable of Request or Maintenance
        Names are unique, also among the promises. Recurring ones stand for their occurrences.
    cluster : Cluster
        Its nodes; what runs on them now is not looked at: give it as promises. Cordoned nodes are left out.
    objective : {"tardiness", "makespan"} or EnergyPrice
        What to make least.
    caches : mapping of str to int or str, optional
        Size of each cache that requests name: MiB, or text such as ``"10TB"``.
    topology : Topology, optional
        For requests with a ``level``.
    promises : iterable of Booking
        Bookings of an earlier plan that keep their time and nodes. Leave one out, and give its request instead, to
        let it move.
    now : int, optional
        Nothing that is not promised starts before; default: the earliest time that a request names, else 0.
    time_limit : float
        Seconds, from 0.01 on. The best plan so far is returned then. One core is used.
    seed : int
        Of CP-SAT, 0 … 2**31-1.

    Returns
    -------
    Plan
        Checked by the core. With the same inputs it is the same plan, unless `Plan.deterministic` is False.

    Raises
    ------
    InvalidModel
        A name comes twice or is unknown, or promises break the capacity; the message names it.
    MissingExtra
        OR-tools is not installed (extra ``reserve``).

    Notes
    -----
    The list scheduler of the core plans by several orders; its best plan bounds the starts and is CP-SAT's hint.
    CP-SAT solves a relaxation with pools of nodes, each of whose solutions the list scheduler turns into a plan
    on nodes. When the relaxation's optimum has no such plan and the problem is small, nodes are added to the model.
    """
    begun = time.perf_counter()
    must_be(cluster, Cluster, "cluster")
    if not 0.01 <= time_limit <= 86_400:
        raise InvalidModel(f"time_limit = {show(time_limit)}: give 0.01 to 86,400 seconds")
    if not 0 <= seed < 2**31:
        raise InvalidModel(f"seed = {show(seed)}: give 0 to 2**31 - 1")
    sizes = {
        name: memory_mib(size, field=f"caches[{name!r}]", capacity=True)
        for name, size in (caches or {}).items()
    }
    begin, entries = _entries(list(promises), [one for entry in requests for one in occurrences(entry)], now)
    problem = Problem(Site(cluster, sizes, topology), entries)
    search = Search(problem, Value(problem, checked(objective), begin), seed, begun, time_limit)
    return search.run()


def _entries(
    promises: list[Booking], asked: list[Request | Maintenance], now: int | None
) -> tuple[int, list[Entry]]:
    named = [
        whole(t)
        for r in asked
        for t in (r.start, *(r.window or ()), r.deadline, getattr(r, "due", None))
        if t is not None
    ]
    begin = now if now is not None else min([*named, *(b.start for b in promises)], default=0)
    out = [Entry(b.request, b.start, b.end, b) for b in promises]
    for request in asked:
        opens, closes = request.window or (None, None)
        release = begin if opens is None else max(begin, whole(opens))
        deadline = min(
            _FOREVER if request.deadline is None else whole(request.deadline),
            _FOREVER if closes is None else whole(closes),
        )
        if request.start is not None:
            release = whole(request.start)
            deadline = min(deadline, release + whole(request.duration))
            if now is not None and release < now:
                deadline = release  # too late to begin then: a window that nothing fits
        out.append(Entry(request, release, deadline))
    promised = {booking.name for booking in promises}
    names: set[str] = set()
    for entry in out:
        if entry.name in names:
            raise InvalidModel(
                f"requests: {show(entry.name)} is promised already; leave it out, or out of the promises if it may move"
                if entry.name in promised
                else f"requests: {show(entry.name)} is there twice; give each a name of its own"
            )
        names.add(entry.name)
    return begin, out
