"""What a store keeps, and the contract that every store holds to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, field
from typing import Annotated, ClassVar, Final, NamedTuple, Protocol, runtime_checkable

from pydantic import Field, StringConstraints

from hal._validate import NAME, WHOLE, model
from hal.errors import HalError, InvalidModel

__all__ = ["CONTRACT", "Conflict", "Quota", "Refused", "Reservation", "Store"]

#: Version of the contract `Store`, (major, minor): a store of the same major works.
CONTRACT: Final = (1, 1)

_AMOUNT = Annotated[int, WHOLE, Field(ge=0, le=2**53)]
_TIME = Annotated[int, WHOLE, Field(ge=-(2**40), le=2**40)]


@model
class Reservation:
    """Amounts of resources held from ``start`` to ``end``.

    Attributes
    ----------
    name : str
        Unique in a store.
    start, end : int
        Seconds; the end is not included.
    holds : mapping of str to int
        Amount by resource, 1 or more: the resources are those declared, such as ``"node-7/gpus"``.
    note : str
        Anything of the caller's, such as JSON; at most 2**20 characters.

    Raises
    ------
    InvalidModel
        A field is wrong; the message names it.
    """

    name: Annotated[str, NAME]
    _: KW_ONLY
    start: _TIME
    end: _TIME
    holds: Mapping[Annotated[str, NAME], Annotated[int, WHOLE, Field(ge=1, le=2**53)]] = field(
        default_factory=dict
    )
    note: Annotated[str, StringConstraints(strict=True, max_length=2**20)] = ""

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise InvalidModel(
                f"Reservation({self.name!r}): end = {self.end}: must be after start = {self.start}"
            )


class Quota(NamedTuple):
    """Limits of one queue: amounts by resource, and how often they were changed."""

    limits: dict[str, int]
    version: int


class Refused(HalError):
    """The store did not make the change; nothing was changed."""


class Conflict(Refused):
    """Somebody else was first: what is asked for is taken, or was changed since it was read."""


@runtime_checkable
class Store(Protocol):
    """Reservations and quotas that survive a crash: each call is one transaction.

    A call that has returned is on disk. A call that did not return (a crash, an exception) has changed either
    everything or nothing, and may be repeated: reserving again what is there, exactly as it is there, succeeds
    without a change. At no time, and with any number of writers, do reservations hold more of a resource than was
    declared.
    """

    #: The version of the contract that it was written for.
    contract: ClassVar[tuple[int, int]]

    def declare(self, capacities: Mapping[str, int]) -> None:
        """Set how much there is of resources; others stay as they are. `Conflict` when more is reserved."""
        ...

    def capacities(self) -> dict[str, int]:
        """How much there is of each declared resource."""
        ...

    def reserve(self, reservations: Sequence[Reservation]) -> None:
        """Accept all of them or none.

        Raises `Conflict` when a resource would be held twice or a name is there with other content, `InvalidModel`
        when a resource is not declared.
        """
        ...

    def cancel(self, names: Sequence[str]) -> int:
        """Remove reservations; return how many were there."""
        ...

    def replace(self, cancelled: Sequence[str], reservations: Sequence[Reservation]) -> None:
        """Cancel and reserve as one change."""
        ...

    def reservations(self, begin: int | None = None, end: int | None = None) -> list[Reservation]:
        """Those that hold something in [begin, end), by start and name; None leaves a side open."""
        ...

    def set_quota(
        self,
        queue: str,
        limits: Mapping[str, int],
        *,
        version: int | None = None,
        check: Callable[[dict[str, Quota]], object] | None = None,
    ) -> Quota:
        """Set the limits of a queue; return them with their new version.

        With ``version`` only if that is still the version (0: there is none yet), else `Conflict`. ``check`` (since
        1.1) is called with all quotas as they would be, while no other writer can change any; what it raises
        comes out, and nothing is changed.
        """
        ...

    def quotas(self) -> dict[str, Quota]:
        """Limits of every queue that has some."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...
