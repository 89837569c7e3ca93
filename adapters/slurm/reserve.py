"""Reservations of a plan as commands for ``scontrol``. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from hal.adapters.contract import Applied, Outcome, Reserved
from hal.adapters.slurm.records import Reservation, hosts

__all__ = ["PREFIX", "answers", "commands", "slurm_name"]

#: What names of reservations begin with that are hal's: others are never touched.
PREFIX: Final = "hal_"
_USER = re.compile(r"^[a-z_][\w.-]{0,31}$")
_NODE = re.compile(r"^[A-Za-z0-9][\w.-]{0,255}$")


def slurm_name(name: str) -> str:
    """Return Slurm's name of a reservation, ``hal_nightly_1`` of ``nightly#1``."""
    return PREFIX + re.sub(r"[^A-Za-z0-9.-]", "_", name)


def commands(
    wanted: Sequence[Reserved], existing: Sequence[Reservation], *, now: int, users: str
) -> tuple[list[str], dict[int, Applied]]:
    """Return what to tell scontrol, and the answers that need no command.

    Parameters
    ----------
    wanted : sequence of Reserved
    existing : sequence of Reservation
        Everybody's.
    now : int
        Seconds since 1970.
    users : str
        Who may use them, with commas.
    """
    known = {reservation.name: reservation for reservation in existing}
    told: dict[int, Applied] = {}
    lines: list[str] = []
    taken: list[Reserved] = []
    for index, one in enumerate(wanted):
        name = slurm_name(one.name)
        bad = _wrong(one, taken, now, users)
        if bad:
            told[index] = Applied(one.name, Outcome.REFUSED, bad)
            continue
        taken.append(one)
        what = f"StartTime=uts{max(one.start, now + 1)} EndTime=uts{one.end} Nodes={','.join(_nodes(one))}"
        if name not in known:
            flags = " Flags=MAINT,IGNORE_JOBS" if one.maintenance else ""
            lines.append(f"create reservation ReservationName={name} {what} Users={users}{flags}")
        elif _same(one, known[name], now):
            told[index] = Applied(one.name, Outcome.ALREADY, name)
        elif known[name].start <= now:  # what has begun keeps its start
            lines.append(f"update ReservationName={name} EndTime=uts{one.end} Nodes={','.join(_nodes(one))}")
        else:
            lines.append(f"update ReservationName={name} {what}")
    return lines, told


def answers(
    wanted: Sequence[Reserved], told: dict[int, Applied], after: Sequence[Reservation], said: str, now: int
) -> list[Applied]:
    """Return one answer each, by what Slurm has now."""
    known = {reservation.name: reservation for reservation in after}
    why = " ".join(line.strip() for line in said.splitlines() if "rror" in line)[-300:]
    result: list[Applied] = []
    for index, one in enumerate(wanted):
        found = known.get(slurm_name(one.name))
        if index in told:
            result.append(told[index])
        elif found is not None and _same(one, found, now):
            result.append(Applied(one.name, Outcome.APPLIED, found.name))
        else:
            result.append(Applied(one.name, Outcome.REFUSED, why or "Slurm has it otherwise"))
    return result


def _wrong(one: Reserved, taken: Sequence[Reserved], now: int, users: str) -> str:
    """Say why this cannot be reserved; empty when it can."""
    if not all(_USER.match(user) for user in users.split(",")):
        return f"users = {users!r}: must be names with commas"
    if not one.nodes or not all(_NODE.match(node) for node in one.nodes):
        return "has no nodes, or names that are none"
    if one.end <= max(now, one.start):
        return "has ended"
    for other in taken:
        if slurm_name(other.name) == slurm_name(one.name):
            return f"has the same name in Slurm as {other.name!r}"
        shared = set(other.nodes) & set(one.nodes)
        if shared and other.start < one.end and one.start < other.end:
            return f"shares {min(shared)} with {other.name!r}: Slurm reserves whole nodes, make it exclusive"
    return ""


def _nodes(one: Reserved) -> list[str]:
    return sorted(set(one.nodes))


def _same(one: Reserved, found: Reservation, now: int) -> bool:
    begun = one.start <= now and found.start <= now + 60
    return (
        (one.start == found.start or begun)
        and one.end == found.end
        and _nodes(one) == sorted(hosts(found.nodes))
    )
