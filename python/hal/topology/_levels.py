"""Levels of a topology and the units of their figures."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hal.errors import InvalidModel

_QUANTITY = re.compile(r"\s*([0-9]{1,18}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})\s*([A-Za-zµ/]+)\s*")
_NANOSECONDS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9}
_BYTES_PER_SECOND = {
    "B/s": 1,
    **{f"{p}iB/s": 1024**e for e, p in enumerate("KMGT", 1)},
    **{f"{p}B/s": 1000**e for e, p in enumerate("kMGT", 1)},
    **{f"{p}bit/s": 1000**e // 8 for e, p in enumerate("kMGT", 1)},
}
_LARGEST = 2**62


def _quantity(value: object, what: str, units: Mapping[str, int], base: int, example: str) -> int:
    """`value` in units of `base`: an integer as it is, a text with a unit converted and rounded down."""
    if isinstance(value, str):
        match = _QUANTITY.fullmatch(value)
        if match is None or match[2] not in units:
            raise InvalidModel(
                f"{what}: {value!r} is not a quantity; give an integer or a text like {example!r}"
            )
        whole, _, part = match[1].partition(".")
        number: int = int((whole or "0") + part) * units[match[2]] // (10 ** len(part) * base)
    elif isinstance(value, bool) or not isinstance(value, int):
        raise InvalidModel(f"{what}: {value!r} is not an integer; give one, or a text like {example!r}")
    else:
        number = value
    if not 0 <= number <= _LARGEST:
        raise InvalidModel(f"{what}: {value!r} is out of range; give 0 to 2^62 in the base unit")
    return number


@dataclass(frozen=True, slots=True)
class Level:
    """One named level of a topology, from the root down.

    Parameters
    ----------
    name : str
        Unique in its topology: a label key, ``"rack"``, ``"switch0"``, …
    distance : int, optional
        Cost of two nodes whose lowest common domain is at this level, >= 0 and never more than that of the
        level above. Unset, a topology of L levels counts hops up and down: 2 for its lowest level, 4 for the
        next, …, 2·L for the root.
    latency : int or str, optional
        Nanoseconds, or a text such as ``"2us"``; 0 = not stated.
    bandwidth : int or str, optional
        MiB/s, or a text such as ``"25GiB/s"`` or ``"400Gbit/s"``; 0 = not stated.
    """

    name: str
    distance: int | None = None
    latency: int | str = 0
    bandwidth: int | str = 0

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise InvalidModel(f"level name: {self.name!r}; give a text that is not empty")
        if any(0xD800 <= ord(c) < 0xE000 for c in self.name):
            raise InvalidModel(f"level name: {self.name!r} has a surrogate; give valid Unicode")
        what = f"level {self.name!r}"
        if self.distance is not None:
            _quantity(self.distance, f"{what} distance", {}, 1, "4")
        latency = _quantity(self.latency, f"{what} latency", _NANOSECONDS, 1, "2us")
        bandwidth = _quantity(self.bandwidth, f"{what} bandwidth", _BYTES_PER_SECOND, 1024**2, "25GiB/s")
        object.__setattr__(self, "latency", latency)
        object.__setattr__(self, "bandwidth", bandwidth)


def resolve_levels(levels: Sequence[str | Level]) -> list[tuple[str, int, int, int]]:
    """Levels from the root down as (name, distance, latency ns, bandwidth MiB/s), defaults filled in."""
    if isinstance(levels, str) or not isinstance(levels, Sequence):
        raise InvalidModel(f"levels: {levels!r}; give a list of names or Levels, from the root down")
    resolved = []
    for i, given in enumerate(levels):
        level = given if isinstance(given, Level) else Level(given)
        distance = 2 * (len(levels) - i) if level.distance is None else level.distance
        resolved.append((level.name, distance, int(level.latency), int(level.bandwidth)))
    return resolved
