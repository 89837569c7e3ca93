"""The plain twin of GPU partitions: instances as (profile, start) lists, every placement tried."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

#: profile → (memory slices, allowed starts), as `nvidia-smi mig -lgipp` prints them on an A100-SXM4-40GB.
A100_40GB = {
    "1g.5gb": (1, (0, 1, 2, 3, 4, 5, 6)),
    "1g.10gb": (2, (0, 2, 4, 6)),
    "2g.10gb": (2, (0, 2, 4)),
    "3g.20gb": (4, (0, 4)),
    "4g.20gb": (4, (0,)),
    "7g.40gb": (8, (0,)),
}
#: The same on an A100-SXM4-80GB or H100-80GB.
OF_80GB = {
    "1g.10gb": (1, (0, 1, 2, 3, 4, 5, 6)),
    "1g.20gb": (2, (0, 2, 4, 6)),
    "2g.20gb": (2, (0, 2, 4)),
    "3g.40gb": (4, (0, 4)),
    "4g.40gb": (4, (0,)),
    "7g.80gb": (8, (0,)),
}
TABLES = {"a100-40gb": A100_40GB, "a100-80gb": OF_80GB, "h100-80gb": OF_80GB}


def placements(table: str, profile: str, taken: frozenset[int]) -> list[int]:
    """Starts at which an instance finds all its slices free."""
    slices, starts = TABLES[table][profile]
    return [start for start in starts if not taken & set(range(start, start + slices))]


@cache
def most(table: str, profile: str, taken: frozenset[int]) -> int:
    """Instances of the profile that still fit, by trying every order."""
    slices, _ = TABLES[table][profile]
    return max(
        (
            1 + most(table, profile, taken | set(range(start, start + slices)))
            for start in placements(table, profile, taken)
        ),
        default=0,
    )


def room(table: str, taken: frozenset[int]) -> int:
    return sum(slices * most(table, profile, taken) for profile, (slices, _) in TABLES[table].items())


@dataclass
class Device:
    table: str
    instances: dict[str, tuple[str, int]] = field(default_factory=dict)  # job → profile, start

    @property
    def taken(self) -> frozenset[int]:
        return frozenset(
            slice_
            for profile, start in self.instances.values()
            for slice_ in range(start, start + TABLES[self.table][profile][0])
        )

    def best_start(self, profile: str) -> int | None:
        """Where the most room is left, the lowest among equals."""
        slices, _ = TABLES[self.table][profile]
        return max(
            placements(self.table, profile, self.taken),
            key=lambda start: (room(self.table, self.taken | set(range(start, start + slices))), -start),
            default=None,
        )

    def loss(self, profile: str) -> int | None:
        start = self.best_start(profile)
        if start is None:
            return None
        after = self.taken | set(range(start, start + TABLES[self.table][profile][0]))
        return room(self.table, self.taken) - room(self.table, after)


def best_device(devices: list[Device], profile: str) -> int | None:
    """The device that loses the least room, then the fullest, then the first."""
    fitting = [i for i, device in enumerate(devices) if device.loss(profile) is not None]
    return min(fitting, key=lambda i: (devices[i].loss(profile), -len(devices[i].taken), i), default=None)
