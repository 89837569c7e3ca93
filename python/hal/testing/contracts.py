"""What the contracts of pluggable parts promise, tried on any implementation."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from hal.cluster import Cluster
from hal.errors import HalError, InvalidModel
from hal.model import Job, Node
from hal.plugins import KINDS, WrongContract
from hal.store import Conflict, Reservation
from hal.testing.checks.registry import Broken
from hal.testing.suite import check_policy

__all__ = ["check_contract"]


def check_contract(kind: str, make: Callable[[], Any]) -> None:
    """Try what a contract promises.

    Parameters
    ----------
    kind : str
        Of `hal.plugins.KINDS`. A policy gets every check; an adapter only the look of it, since its own suite,
        ``hal.adapters.conformance``, needs a server to talk to.
    make : callable
        Returns a new, empty object each time; a class will do.

    Raises
    ------
    Broken
        It breaks a promise; the message says which.
    WrongContract
        It was written for another major, or lacks methods.
    HalError
        There is no such kind.
    """
    if kind not in KINDS:
        raise HalError(f"kind = {kind!r}: must be one of {', '.join(KINDS)}")
    made = make()
    KINDS[kind].admit(made, called=kind)
    if not KINDS[kind].keeps(made):
        raise WrongContract(f"{kind}: needs {', '.join(KINDS[kind].methods)} ({KINDS[kind].protocol})")
    _TRIALS.get(kind, _looks)(make)


def _looks(make: Callable[[], Any]) -> None:
    """Nothing more than the look of it."""


def _policy(make: Callable[[], Any]) -> None:
    for result in check_policy(make()):
        if result.outcome == "broken":
            raise Broken(f"{result.check}: {result.text}\n\n{result.code}")


def _store(make: Callable[[], Any]) -> None:
    store = make()
    _same("capacities() of a new store", dict(store.capacities()), {})
    store.declare({"gpus": 4, "seats": 1})
    first = Reservation("first", start=0, end=10, holds={"gpus": 4})
    for _ in range(2):  # the second is no change
        store.reserve([first])
        _same("reservations()", list(store.reservations()), [first])
    fits = Reservation("fits", start=0, end=1, holds={"seats": 1})
    over = Reservation("over", start=9, end=11, holds={"gpus": 1})
    for what, change in {
        "reserve of more than was declared": lambda: store.reserve([fits, over]),
        "reserve of a name with other content": lambda: store.reserve(
            [Reservation("first", start=0, end=11, holds={"gpus": 4})]
        ),
        "replace of more than was declared": lambda: store.replace([], [fits, over]),
        "declare of less than is reserved": lambda: store.declare({"gpus": 3}),
    }.items():
        _refuses(what, change, Conflict)
        _same(f"reservations() after {what}", list(store.reservations()), [first])
        _same(f"capacities() after {what}", dict(store.capacities()), {"gpus": 4, "seats": 1})
    unknown = Reservation("unknown", start=0, end=1, holds={"licences": 1})
    _refuses("reserve of what was not declared", lambda: store.reserve([unknown]), InvalidModel)
    later = Reservation("later", start=10, end=12, holds={"gpus": 4})
    store.replace(["first"], [later])  # what ends makes room, and what is cancelled too
    _same("reservations() after replace", list(store.reservations()), [later])
    _same("reservations(0, 10)", list(store.reservations(0, 10)), [])
    _same("cancel", store.cancel(["later", "never"]), 1)
    _same("version of a first quota", store.set_quota("team", {"gpus": 3}, version=0).version, 1)
    _refuses("set_quota on an old version", lambda: store.set_quota("team", {"gpus": 4}, version=0), Conflict)
    _same(
        "quotas()",
        {queue: tuple(quota) for queue, quota in store.quotas().items()},
        {"team": ({"gpus": 3}, 1)},
    )
    store.close()


def _predictor(make: Callable[[], Any]) -> None:
    said: list[list[tuple[int, int, int]]] = []
    for predictor in (make(), make()):
        answers: list[tuple[int, int, int]] = []
        for number in range(12):
            job, requested = f"job{number}", 60 * (1 + number % 3)
            guess = predictor.submitted(100 * number, job, requested=requested, procs=1 + number, user="ann")
            answers.append((guess.low, guess.middle, guess.high))
            if not 1 <= guess.low <= guess.middle <= guess.high <= requested:
                raise Broken(f"submitted: {answers[-1]} must rise from 1 to at most the request, {requested}")
            if number % 4 == 3:
                predictor.withdrawn(job)
            else:
                predictor.started(100 * number + 5, job)
                predictor.finished(100 * number + 35, job)
        said.append(answers)
    _same("submitted after the same history", said[1], said[0])


@dataclass(frozen=True)
class _Seen:
    """A reading made up for controllers."""

    time: float
    load: float

    sigma: float = 0.8
    entropy: float = 0.5
    drift: float = 0.0
    potential: float = 0.3
    fragmentation: float = 0.1
    stranded: float = 0.1
    oldest_wait: float = 0.0

    @property
    def utilisation(self) -> float:
        return min(1.0, self.load)

    @property
    def pending(self) -> int:
        return round(100 * max(0.0, self.load - 1))

    @property
    def pending_work(self) -> float:
        return max(0.0, self.load - 1)

    @property
    def blocking(self) -> float:
        return min(1.0, self.pending_work / 2)


def _controller(make: Callable[[], Any]) -> None:
    seen = [_Seen(60.0 * step, 0.6 + 0.6 * (step % 7) / 6) for step in range(40)]
    whole = [_advised(controller, seen) for controller in (make(), make())]
    _same("observe after the same readings", whole[1], whole[0])
    first, second = make(), make()
    begun = _advised(first, seen[:20])
    state = json.loads(json.dumps(first.state()))
    second.restore(state)
    _same("observe after restore(state())", begun + _advised(second, seen[20:]), whole[0])


def _advised(controller: Any, seen: Iterable[_Seen]) -> list[tuple[float, str]]:
    advised: list[tuple[float, str]] = []
    cluster = Cluster([Node(f"n{number}", cpus=8) for number in range(4)])
    context = SimpleNamespace(cluster=cluster, pending=[Job("waits", cpus=16)])
    before = cluster.digest()
    for reading in seen:
        advice = controller.observe(reading, context)
        if not 0 <= advice.p <= 1 or not isinstance(advice.rule, str):
            raise Broken(f"observe: {advice} must be p from 0 to 1 and the rule that fired")
        controller.applied(advice.p)
        advised.append((float(advice.p), advice.rule))
    _same("the cluster after observe", cluster.digest(), before)
    return advised


def _data_plane(make: Callable[[], Any]) -> None:
    plane = make()
    caches = list(plane.contents())
    held = {cache: sorted(plane.contents()[cache]) for cache in caches}
    plane.evict("no such dataset", caches[0] if caches else "cache")  # is dropped already
    _same("contents() after dropping what was not there", _held(plane), held)
    for source in (cache for cache in caches if held[cache]):
        for target in (cache for cache in caches if cache != source):
            dataset = held[source][0]
            for _ in range(2):  # the second changes nothing
                plane.transfer(dataset, source, target)
                if dataset not in _held(plane)[target] or dataset not in _held(plane)[source]:
                    raise Broken(f"transfer: {dataset} must lie in {source} and in {target} afterwards")
            return


def _held(plane: Any) -> dict[str, list[str]]:
    return {cache: sorted(datasets) for cache, datasets in plane.contents().items()}


def _refuses(what: str, change: Callable[[], object], error: type[HalError]) -> None:
    try:
        change()
    except error:
        return
    raise Broken(f"{what}: must raise {error.__name__}")


def _same(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise Broken(f"{what}: is {found!r}, must be {wanted!r}")


_TRIALS = {
    "policy": _policy,
    "controller": _controller,
    "store": _store,
    "predictor": _predictor,
    "data_plane": _data_plane,
}
