"""What can be plugged in, as protocols with versions: nothing to subclass, and no surprise after an upgrade."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

from hal._show import show
from hal.errors import HalError

if TYPE_CHECKING:
    from hal.cluster import Cluster
    from hal.model import Job

__all__ = [
    "KINDS",
    "DataPlane",
    "Kind",
    "Placer",
    "Predictor",
    "Store",
    "WrongContract",
    "contract_of",
]


class WrongContract(HalError):
    """A plugin was written for another major version of its contract, or does not keep it."""


@runtime_checkable
class Predictor(Protocol):
    """Predicts how long jobs run."""

    @property
    def name(self) -> str:
        """Name in reports."""

    def predict(self, jobs: Sequence[Job]) -> Sequence[float]:
        """Return seconds, above 0, one a job, without learning from the question."""

    def observe(self, job: Job, seconds: float) -> None:
        """Learn how long a job ran."""


@runtime_checkable
class Store(Protocol):
    """Keeps bytes by key, for state that outlives a process."""

    def get(self, key: str) -> bytes | None:
        """Return what was put last, or None."""

    def put(self, key: str, value: bytes) -> None:
        """Keep a value, whole or not at all."""

    def delete(self, key: str) -> None:
        """Forget a key; one that is not there is forgotten already."""

    def keys(self) -> Iterable[str]:
        """Every key, sorted."""


@runtime_checkable
class DataPlane(Protocol):
    """Moves datasets between caches and says what lies where."""

    def contents(self) -> Mapping[str, Iterable[str]]:
        """Return the datasets in each cache."""

    def transfer(self, dataset: str, source: str, target: str) -> None:
        """Bring a dataset to a cache; one that lies there already stays."""

    def evict(self, dataset: str, cache: str) -> None:
        """Drop a dataset from a cache; one that is not there is dropped already."""


@runtime_checkable
class Placer(Protocol):
    """A policy that places on its own, beside scorers and filters."""

    def place(self, cluster: Cluster, jobs: Sequence[Job], *, seed: int | None = None) -> Sequence[Any]:
        """Return one `hal.Placement` a job, in order; the cluster stays as it was."""


@dataclass(frozen=True)
class Kind:
    """One kind of pluggable part.

    Attributes
    ----------
    name, group : str
        ``"store"``; entry-point group ``"hal.stores"``.
    version : (int, int)
        (major, minor) of the contract that this hal offers. A minor adds what may be left out, a major does not.
    protocol : str
        Where the `typing.Protocol` is.
    methods : tuple of str
        What an object must have: all of them, or for a policy one.
    """

    name: str
    group: str
    version: tuple[int, int]
    protocol: str
    methods: tuple[str, ...]

    def keeps(self, made: Any) -> bool:
        """Whether an object has the methods of the contract; it says nothing about what they do."""
        has = [callable(getattr(made, method, None)) for method in self.methods]
        return any(has) or hasattr(made, "scorers") if self.name == "policy" else all(has)

    def admit(self, made: Any, *, called: str) -> tuple[int, int]:
        """Return the contract version that a plugin declares, (major, minor).

        Raises
        ------
        WrongContract
            It was written for another major, or its declaration cannot be read. Any minor works.
        """
        major, minor = contract_of(made, called=called)
        if major != self.version[0]:
            age = "newer" if major > self.version[0] else "older"
            fix = "upgrade hal-core" if major > self.version[0] else "upgrade the plugin"
            raise WrongContract(
                f"{self.name} {called!r}: was written for the {age} contract {major}.{minor}, and this hal offers "
                f"{self.version[0]}.{self.version[1]}; {fix}"
            )
        return major, minor


def contract_of(made: Any, *, called: str = "") -> tuple[int, int]:
    """Return the contract version that an object or its class declares as ``contract = (1, 0)``; without it, 1.0.

    Raises
    ------
    WrongContract
        The declaration cannot be read.
    """
    declared = getattr(made, "contract", (1, 0))
    if isinstance(declared, property):  # known only once there is an object
        return 1, 0
    whole = isinstance(declared, tuple) and len(declared) == 2 and all(type(n) is int for n in declared)
    if not whole or min(declared) < 0:
        raise WrongContract(f"{called or made!r}: contract = {show(declared)}: write (major, minor)")
    return declared[0], declared[1]


#: Every kind of pluggable part by name.
KINDS: Final[Mapping[str, Kind]] = {
    kind.name: kind
    for kind in (
        Kind(
            "policy",
            "hal.policies",
            (1, 0),
            "hal.Scorer, hal.Filter or hal.plugins.Placer",
            ("score", "keep", "place", "_core_scorer"),
        ),
        Kind(
            "controller",
            "hal.controllers",
            (1, 0),
            "hal.control.Controller",
            ("observe", "applied", "state", "restore"),
        ),
        Kind("predictor", "hal.predictors", (1, 0), "hal.plugins.Predictor", ("predict", "observe")),
        Kind(
            "adapter",
            "hal.adapters",
            (1, 0),
            "hal.adapters.contract.Adapter",
            ("snapshot", "watch", "apply", "explain", "close"),
        ),
        Kind("store", "hal.stores", (1, 0), "hal.plugins.Store", ("get", "put", "delete", "keys")),
        Kind(
            "data_plane",
            "hal.data_planes",
            (1, 0),
            "hal.plugins.DataPlane",
            ("contents", "transfer", "evict"),
        ),
    )
}
