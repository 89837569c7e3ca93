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
    "Guess",
    "Kind",
    "Placer",
    "Predictor",
    "WrongContract",
    "contract_of",
]


class WrongContract(HalError):
    """A plugin was written for another major version of its contract, or does not keep it."""


class Guess(Protocol):
    """What is believed of a runtime, in seconds: `low` at most `middle` at most `high`."""

    @property
    def low(self) -> int:
        """What a quarter of the jobs stay below."""

    @property
    def middle(self) -> int:
        """What half of the jobs stay below."""

    @property
    def high(self) -> int:
        """What four fifths of the jobs stay below."""


@runtime_checkable
class Predictor(Protocol):
    """Guesses how long jobs run from what has ended; it hears of every job, in the order of time.

    `hal.predict.Predictor` is one.
    """

    def submitted(self, now: int, job: str, *, requested: int, procs: int = 1, user: str = "") -> Guess:
        """Return seconds for a job submitted now, each from 1 to ``requested``, its time limit."""

    def started(self, now: int, job: str) -> None:
        """Hear that a job has started."""

    def finished(self, now: int, job: str) -> None:
        """Hear that a job has ended: what it learns from."""

    def withdrawn(self, job: str) -> None:
        """Hear that a waiting job will not start."""


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

    def makes(self, made: type) -> bool:
        """Whether objects of a class can keep the contract: the class has the names, whatever stands behind them."""
        has = [hasattr(made, method) for method in self.methods]
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
        Kind(
            "predictor",
            "hal.predictors",
            (1, 0),
            "hal.plugins.Predictor",
            ("submitted", "started", "finished", "withdrawn"),
        ),
        Kind(
            "adapter",
            "hal.adapters",
            (1, 0),
            "hal.adapters.contract.Adapter",
            ("snapshot", "watch", "apply", "explain", "close"),
        ),
        Kind(
            "store",
            "hal.stores",
            (1, 1),
            "hal.store.Store",
            (
                "declare",
                "capacities",
                "reserve",
                "cancel",
                "replace",
                "reservations",
                "set_quota",
                "quotas",
                "close",
            ),
        ),
        Kind(
            "data_plane",
            "hal.data_planes",
            (1, 0),
            "hal.plugins.DataPlane",
            ("contents", "transfer", "evict"),
        ),
    )
}
