"""What the contracts of pluggable parts promise, tried on any implementation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hal.errors import HalError
from hal.model import Job
from hal.plugins import KINDS, WrongContract
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
    _same("get of a key that was never put", store.get("a"), None)
    store.delete("a")  # is forgotten already
    for key, value in (("b/2", b"\x00\xff"), ("a", b""), ("a", b"later")):
        store.put(key, value)
        _same(f"get({key!r}) after put", store.get(key), value)
    _same("keys()", list(store.keys()), ["a", "b/2"])
    store.delete("a")
    _same("get after delete", store.get("a"), None)
    _same("keys() after delete", list(store.keys()), ["b/2"])


def _predictor(make: Callable[[], Any]) -> None:
    jobs = [Job("a", cpus=1), Job("b", cpus=2, gpus=1)]
    fresh, other = make(), make()
    for predictor in (fresh, other):
        predictor.observe(jobs[0], 60.0)
    said = [float(value) for value in fresh.predict(jobs)]
    _same("number of predictions", len(said), len(jobs))
    if not all(0 < value < float("inf") for value in said):
        raise Broken(f"predict: {said} must be seconds above 0")
    _same("predict asked again", [float(value) for value in fresh.predict(jobs)], said)
    _same("predict after the same history", [float(value) for value in other.predict(jobs)], said)


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


def _same(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise Broken(f"{what}: is {found!r}, must be {wanted!r}")


_TRIALS = {"policy": _policy, "store": _store, "predictor": _predictor, "data_plane": _data_plane}
