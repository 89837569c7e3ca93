"""Plans in a store: bookings as reservations, and back."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping

from hal.cluster import Cluster
from hal.errors import HalError
from hal.reserve import Booking, Maintenance, Plan, Request
from hal.store import Reservation, open_store
from hal.units import Quantity, memory_mib

__all__ = ["keep", "read_promises"]

_KINDS: Mapping[str, type[Request] | type[Maintenance]] = {"request": Request, "maintenance": Maintenance}


def read_promises(url: str) -> list[Booking]:
    """Read the bookings that a store holds; reservations that somebody else put there are an error."""
    store = open_store(url)
    try:
        return [_booking(reservation) for reservation in store.reservations()]
    finally:
        store.close()


def keep(url: str, cluster: Cluster, caches: Mapping[str, Quantity], plan: Plan, known: set[str]) -> None:
    """Add a plan's new bookings to a store, all or none.

    Raises
    ------
    hal.store.Conflict
        Another writer took the room since the promises were read: plan again.
    """
    sizes = {
        name: memory_mib(size, field=f"caches[{name!r}]", capacity=True) for name, size in caches.items()
    }
    capacity = {
        node.name: _offered(node.cpu_milli, node.memory_mib, len(node.gpus)) for node in cluster.nodes()
    }
    store = open_store(url)
    try:
        declared = {f"{node}/{name}": n for node, offered in capacity.items() for name, n in offered.items()}
        store.declare(declared | {f"cache {name}/mib": size for name, size in sizes.items()})
        store.reserve([_reservation(booking, capacity) for booking in plan if booking.name not in known])
    finally:
        store.close()


def _offered(cpu_milli: int, memory_mib: int, gpus: int) -> dict[str, int]:
    return {"cpu_milli": cpu_milli, "memory_mib": memory_mib, "gpus": gpus}


def _reservation(booking: Booking, capacity: Mapping[str, Mapping[str, int]]) -> Reservation:
    holds = dict(_holds(booking, capacity))
    fields = {f.name: getattr(booking.request, f.name) for f in dataclasses.fields(booking.request)}
    plain = {name: dict(value) if isinstance(value, Mapping) else value for name, value in fields.items()}
    kind = "maintenance" if isinstance(booking.request, Maintenance) else "request"
    note = json.dumps({"kind": kind, "fields": plain, "nodes": booking.nodes}, sort_keys=True)
    return Reservation(booking.name, start=booking.start, end=booking.end, holds=holds, note=note)


def _holds(booking: Booking, capacity: Mapping[str, Mapping[str, int]]) -> Iterator[tuple[str, int]]:
    taken = booking.amounts()
    for node in dict.fromkeys(booking.nodes):
        count = booking.nodes.count(node)
        of_node = {name: amount * count for name, amount in taken.items()} or capacity[node]
        yield from ((f"{node}/{name}", amount) for name, amount in of_node.items() if amount)
    if isinstance(booking.request, Request):
        yield from (
            (f"cache {name}/mib", int(amount)) for name, amount in booking.request.caches.items() if amount
        )


def _booking(reservation: Reservation) -> Booking:
    try:
        kept = json.loads(reservation.note)
        request = _KINDS[kept["kind"]](**kept["fields"])
        return Booking(request, reservation.start, reservation.end, tuple(kept["nodes"]))
    except (ValueError, KeyError, TypeError) as error:
        raise HalError(f"store: {reservation.name!r} was not put there by hal reserve: {error}") from None
