"""What task groups ask of devices: constraints and wishes, answered for each device there is. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from hal.adapters.nomad.constraints import ID, satisfies
from hal.adapters.nomad.fields import Unsaid, mapping, rows, signed, text

import hal

__all__ = ["Devices", "allowed", "met", "wishes"]

#: Every device that nodes have, with the id of its node.
Devices = Callable[[], Iterable[tuple[str, Mapping[str, Any]]]]
_TARGET: Final = re.compile(r"\$\{device\.(vendor|type|model|attr\.(.+))\}")
_AMOUNT: Final = re.compile(r"([+-]?\d{1,15}(?:\.\d{1,9})?)\s*([A-Za-z/]*)")
#: What units measure and how many of its smallest one is.
_UNITS: Final[Mapping[str, tuple[str, int]]] = {
    "": ("", 1),
    **{f"{prefix}iB{per}": (f"B{per}", 1024**power) for power, prefix in enumerate("KMGTPE", 1) for per in ("", "/s")},
    **{f"{prefix}B{per}": (f"B{per}", 1000**power) for power, prefix in enumerate("kMGTPE", 1) for per in ("", "/s")},
    "MHz": ("Hz", 1), "GHz": ("Hz", 1000),
    "mW": ("W", 1), "W": ("W", 10**3), "kW": ("W", 10**6), "MW": ("W", 10**9), "GW": ("W", 10**12),
}  # fmt: skip

Value = str | bool | tuple[float, str]  # text, a truth, an amount of something


def is_asked(asked: str, device: Mapping[str, Any]) -> bool:
    """Whether a device is of the kind asked for: ``gpu``, ``nvidia/gpu`` or ``nvidia/gpu/a100``."""
    vendor, kind, name = (text(device, key) for key in ("Vendor", "Type", "Name"))
    return asked in (kind, f"{vendor}/{kind}", f"{vendor}/{kind}/{name}")


def allowed(request: Mapping[str, Any], devices: Devices) -> tuple[list[hal.Selector], list[str]]:
    """Return the nodes that have devices which meet the constraints of a request, and the names of these devices.

    Raises
    ------
    Unsaid
        A constraint cannot be said.
    """
    constraints = rows(request, "Constraints")
    if not constraints:
        return [], []
    for constraint in constraints:
        met({}, constraint)  # what cannot be said is so whatever the nodes have
    asked = text(request, "Name")
    found = [
        (node, text(device, "Name"))
        for node, device in devices()
        if is_asked(asked, device) and all(met(device, constraint) for constraint in constraints)
    ]
    first = constraints[0]
    # Where no device will do, a node that there is not: users see what was asked for.
    none = " ".join(text(first, key) for key in ("LTarget", "Operand", "RTarget"))[:256]
    nodes = sorted({node for node, _ in found}) or [none]
    return [hal.Selector(ID, "In", nodes)], sorted({name for _, name in found})


def wishes(request: Mapping[str, Any], devices: Devices) -> list[hal.Prefer]:
    """Return the wishes of a request for devices, as wishes for the nodes that have such.

    Raises
    ------
    Unsaid
        A wish cannot be said.
    """
    affinities = rows(request, "Affinities")
    weights = [signed(row, "Weight", 50) for row in affinities]
    total = sum(map(abs, weights)) or 1
    found: list[hal.Prefer] = []
    asked = text(request, "Name")
    for row, weight in zip(affinities, weights, strict=True):
        met({}, row)
        liked = sorted({node for node, device in devices() if is_asked(asked, device) and met(device, row)})
        if liked and weight:
            nodes = hal.Selector(ID, "In" if weight > 0 else "NotIn", liked)
            found.append(hal.Prefer([nodes], weight=abs(weight) / total))
    return found


def met(device: Mapping[str, Any], constraint: Mapping[str, Any]) -> bool:
    """Whether a device meets a constraint or a wish, as Nomad has it.

    Raises
    ------
    Unsaid
        There is no such target or operand.
    """
    operand = text(constraint, "Operand")
    left, right = (_value(device, text(constraint, side)) for side in ("LTarget", "RTarget"))
    match operand:
        case "is_set":
            return left is not None
        case "is_not_set":
            return left is None
        case "" | "=" | "==" | "is":
            return left is not None and right is not None and _order(left, right) == 0
        case "!=" | "not":
            if left is None or right is None:
                return (left is None) != (right is None)
            return _order(left, right) not in (None, 0)
        case "<" | "<=" | ">" | ">=":
            order = None if left is None or right is None else _order(left, right)
            return (
                order is not None
                and {"<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0}[operand]
            )
    wanted = text(constraint, "RTarget")
    satisfies("", operand, wanted)  # what cannot be said is so whatever the device has
    return isinstance(left, str) and satisfies(left, operand, wanted)


def _value(device: Mapping[str, Any], target: str) -> Value | None:
    if "${" not in target:
        return _literal(target)
    found = _TARGET.fullmatch(target)
    if found is None:
        raise Unsaid("Devices.Constraints", target)
    if found[2] is None:
        return text(device, "Name" if found[1] == "model" else found[1].capitalize())
    attribute = mapping(mapping(device, "Attributes"), found[2])
    if (said := attribute.get("String")) is not None:
        return str(said)
    if (truth := attribute.get("Bool")) is not None:
        return bool(truth)
    for key in ("Int", "Float"):
        amount = attribute.get(key)
        if isinstance(amount, (int, float)) and not isinstance(amount, bool):
            return float(amount), text(attribute, "Unit")
    return None


def _literal(said: str) -> Value:
    """Read what a constraint says: ``40 GiB`` is an amount, ``true`` a truth, all else text."""
    found = _AMOUNT.fullmatch(said.strip())
    if found is not None and found[2] in _UNITS:
        return float(found[1]), found[2]
    return {"true": True, "false": False}.get(said.strip().lower(), said)


def _order(left: Value, right: Value) -> int | None:
    """Return the sign of a difference; None where the two cannot be compared."""
    if isinstance(left, tuple) and isinstance(right, tuple):
        (what, much), (other, more) = (_UNITS.get(unit, (unit, 1)) for _, unit in (left, right))
        if what != other:
            return None
        a, b = left[0] * much, right[0] * more
        return (a > b) - (a < b)
    if isinstance(left, bool) and isinstance(right, bool):
        return 0 if left == right else None
    if isinstance(left, str) and isinstance(right, str):
        return (left > right) - (left < right)
    return None


def of_nodes(nodes: Iterable[Mapping[str, Any]]) -> Sequence[tuple[str, Mapping[str, Any]]]:
    """Return the devices of nodes; a node that cannot be read has none."""
    found: list[tuple[str, Mapping[str, Any]]] = []
    for node in nodes:
        try:
            has = rows(mapping(node, "NodeResources"), "Devices")
            found += [(text(node, "ID"), device) for device in has]
        except Unsaid:
            continue
    return found
