"""Placement groups in hal's model: bundles are tasks of a gang, and those that differ are its roles. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Final

from hal.adapters.ray.convert import ask

import hal

__all__ = ["gang", "in_rank_order"]

#: Kinds of bundles that a gang has roles for.
KINDS: Final = 8


def gang(
    name: str,
    bundles: Sequence[Mapping[str, float]],
    *,
    strategy: str = "PACK",
    label_selector: Mapping[str, str] | None = None,
    priority: int = 0,
    queue: str = "",
) -> hal.Job:
    """Return the job that a placement group is: its bundles are the tasks, or with STRICT_PACK all of them are one.

    Bundles that differ are roles of a gang; `in_rank_order` says which bundle each task is.

    Raises
    ------
    InvalidModel
        There are no bundles, they are wrong or of too many kinds, or there is no such strategy.
    """
    if not bundles or not all(isinstance(bundle, Mapping) and bundle for bundle in bundles):
        raise hal.InvalidModel("bundles: give at least one, each a mapping of resources to amounts")
    if strategy not in ("PACK", "SPREAD", "STRICT_PACK", "STRICT_SPREAD"):
        raise hal.InvalidModel(f"strategy = {strategy!r}: must be PACK, SPREAD, STRICT_PACK or STRICT_SPREAD")
    more: dict[str, Any] = {}
    if strategy in ("SPREAD", "STRICT_SPREAD"):
        more["labels"] = {"ray/gang": name}
        more["rules"] = hal.AntiAffinity(more["labels"], weight=1.0 if strategy == "SPREAD" else None)
    more |= {"priority": priority, "queue": queue}
    if strategy == "STRICT_PACK":
        return ask(name, _sum(bundles), label_selector, None, **more)
    kinds = [(bundles[rows[0]], len(rows)) for rows in _kinds(bundles)]
    if len(kinds) > KINDS:
        raise hal.InvalidModel(f"bundles: are of {len(kinds)} kinds; at most {KINDS} in one gang")
    first, *others = (
        ask(
            f"{name}/{row}" if row else name,
            bundle,
            label_selector,
            None,
            tasks=tasks,
            **(more if row == 0 else {}),
        )
        for row, (bundle, tasks) in enumerate(kinds)
    )
    return dataclasses.replace(first, gang=hal.Gang(roles=others)) if others else first


def in_rank_order(bundles: Sequence[Mapping[str, float]]) -> list[int]:
    """Return which bundle each task of their gang is: role by role."""
    return [row for rows in _kinds(bundles) for row in rows]


def _kinds(bundles: Sequence[Mapping[str, float]]) -> list[list[int]]:
    """Return the positions of equal bundles together, kinds as they first come."""
    kinds: list[tuple[dict[str, float], list[int]]] = []
    for row, bundle in enumerate(bundles):
        asked = {key: amount for key, amount in bundle.items() if amount}
        for known, rows in kinds:
            if known == asked:
                rows.append(row)
                break
        else:
            kinds.append((asked, [row]))
    return [rows for _, rows in kinds]


def _sum(bundles: Sequence[Mapping[str, float]]) -> dict[str, float]:
    whole: dict[str, float] = {}
    for bundle in bundles:
        for key, amount in bundle.items():
            try:
                whole[key] = whole.get(key, 0) + amount
            except (TypeError, OverflowError) as error:
                raise hal.InvalidModel(f"bundles = {bundle!r:.100}: give amounts") from error
    return whole
