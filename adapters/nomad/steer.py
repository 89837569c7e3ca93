"""The gate at which a task group waits, and the pin that hal puts in its place. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from hal.adapters.nomad.fields import mapping, rows, text

__all__ = ["GATE", "NODES", "Pin", "ours", "own_affinities", "pinned", "steer"]

#: Where a pin is written: Nomad keeps to a constraint, and goes elsewhere rather than nowhere with an affinity.
Pin = Literal["Constraints", "Affinities"]

#: A task group with this constraint waits for hal: there is no such node.
GATE: Final = {"LTarget": "${node.unique.id}", "RTarget": "hal", "Operand": "="}
#: Key in a task group's meta: ids of the nodes that hal chose, one a task.
NODES: Final = "hal.nodes"


def ours(constraint: Mapping[str, Any]) -> bool:
    """Whether it is the gate or a pin: a claimed job leaves the choice of its node's id to hal."""
    return text(constraint, "LTarget") == GATE["LTarget"] and text(constraint, "Operand") in (
        "",
        "=",
        "regexp",
    )


def pinned(job: Mapping[str, Any], group: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return the ids of the nodes that a task group was given, or None when it waits at the gate."""
    gates = [*rows(job, "Constraints"), *rows(group, "Constraints")]
    if any(ours(gate) and text(gate, "RTarget") == GATE["RTarget"] for gate in gates):
        return None
    return tuple(node for node in text(mapping(group, "Meta"), NODES).split(",") if node)


def own_affinities(group: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the affinities of a task group that its user wrote."""
    nodes = text(mapping(group, "Meta"), NODES)
    wish = _pin(nodes.split(","), "Affinities") if nodes else {}
    return [dict(part) for part in rows(group, "Affinities") if {**part} != wish]


def steer(
    job: Mapping[str, Any], group: str, nodes: Sequence[str], pin: Pin = "Constraints"
) -> dict[str, Any]:
    """Return a job as it is to be registered, so that a task group goes to these nodes, one id a task.

    One node is a constraint, or an affinity; several are one on the set of them, and a spread with the share of each.
    The other groups keep waiting where the gate was the job's.
    """
    left = [dict(row) for row in rows(job, "Constraints") if not ours(row)]
    gated = len(left) != len(rows(job, "Constraints"))
    groups = []
    for row in rows(job, "TaskGroups"):
        own = [dict(part) for part in rows(row, "Constraints")]
        if text(row, "Name") == group:
            changed = {"Constraints": [part for part in own if not ours(part)]}
            if rows(row, "Affinities"):
                changed["Affinities"] = own_affinities(row)
            changed[pin] = [*changed.get(pin, ()), _pin(nodes, pin)]
            counted = Counter(nodes)
            if len(counted) > 1:
                shares = [
                    {"Value": node, "Percent": 100 * count // len(nodes)} for node, count in counted.items()
                ]
                changed["Spreads"] = [{"Attribute": GATE["LTarget"], "Weight": 100, "SpreadTarget": shares}]
            meta = {**mapping(row, "Meta"), NODES: ",".join(nodes)}
            groups.append({**row, **changed, "Meta": meta})
        elif gated and not text(mapping(row, "Meta"), NODES):
            groups.append({**row, "Constraints": [*own, dict(GATE)]})
        else:
            groups.append(dict(row))
    return {**job, "Constraints": left, "TaskGroups": groups}


def _pin(nodes: Sequence[str], pin: Pin) -> dict[str, Any]:
    several = dict.fromkeys(nodes)
    chosen: dict[str, Any] = {**GATE, "RTarget": nodes[0]}
    if len(several) > 1:
        chosen |= {"Operand": "regexp", "RTarget": f"^({'|'.join(several)})$"}
    return chosen | ({"Weight": 100} if pin == "Affinities" else {})
