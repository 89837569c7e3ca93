"""Order as priorities: jobs exchange the ones that they have, so that nobody else's standing changes. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

__all__ = ["exchanged", "site_factors", "to_rank"]

#: Slurm's priorities are positive 32-bit numbers; 0 is held.
_LEAST = 1


def exchanged(priorities: Sequence[int]) -> list[int]:
    """Return the same priorities from the highest down, each below the one before it; as given if they are so already.

    Examples
    --------
    >>> exchanged([10, 30, 30, 20])
    [30, 29, 20, 10]
    """
    if all(above > below for above, below in itertools.pairwise(priorities)):
        return list(priorities)
    falling: list[int] = []
    for priority in sorted(priorities, reverse=True):
        falling.append(min(priority, falling[-1] - 1) if falling else priority)
    short = _LEAST - falling[-1]
    return [priority + max(short, 0) for priority in falling]


def to_rank(names: Sequence[str], priorities: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """Return for the jobs whose priority has to change, from and to."""
    wanted = exchanged([priorities[name] for name in names])
    return {
        name: (priorities[name], priority)
        for name, priority in zip(names, wanted, strict=True)
        if priorities[name] != priority
    }


def site_factors(changes: Mapping[str, tuple[int, int]], printed: str) -> dict[str, int]:
    """Return the site factors that lead to these priorities; ``printed``: ``sprio -h -o "%i %S"``, those of now."""
    now: dict[str, int] = {}
    for line in printed.splitlines():
        name, _, factor = line.strip().partition(" ")
        if factor.strip().lstrip("-").isdigit():
            now[name] = int(factor)
    return {name: now.get(name, 0) + after - before for name, (before, after) in changes.items()}
