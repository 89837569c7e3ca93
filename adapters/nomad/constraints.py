"""Nomad's constraints as selectors. What hal has no operator for is answered for each value that nodes have.

``regexp``, versions, sets and comparisons become the list of the values that satisfy them, among those of the nodes
that there are: a node that comes with another value is a reason to translate the job again, which each look does.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Literal

from hal.adapters.nomad.fields import Unsaid, mapping, rows, signed, text, whole
from hal.adapters.nomad.steer import ours

import hal

__all__ = ["ID", "Known", "affinities_of", "satisfies", "selector_of"]

#: The value of a label on each of the nodes there are that has it.
Known = Callable[[str], Iterable[str]]
ID: Final = "node.unique.id"
_TARGET: Final = re.compile(
    r"\$\{(attr\..+|meta\..+|node\.(?:datacenter|class|pool|unique\.id|unique\.name))\}"
)
_OPERANDS: Final[Mapping[str, Literal["In", "NotIn", "Exists", "DoesNotExist"]]] = {
    "": "In", "=": "In", "==": "In", "is": "In", "!=": "NotIn", "not": "NotIn", "is_set": "Exists",
    "is_not_set": "DoesNotExist",
}  # fmt: skip
_OPPOSITE: Final[Mapping[str, Literal["In", "NotIn", "Exists", "DoesNotExist"]]] = {
    "In": "NotIn", "NotIn": "In", "Exists": "DoesNotExist", "DoesNotExist": "Exists",
}  # fmt: skip
_ORDERS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "<": lambda a, b: a < b, "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
}  # fmt: skip
_VERSION: Final = re.compile(r"v?(\d{1,9}(?:\.\d{1,9}){0,7})")
_BOUND: Final = re.compile(r"(=|!=|<|<=|>|>=|~>)?\s*" + _VERSION.pattern)
#: A regular expression of a stranger: Python's take exponential time where a repeated group repeats inside, and are
#: written otherwise than Go's where they start with a question mark or refer back.
_RISKY: Final = re.compile(r"\(\?|\\[0-9pPAzZbBCQE]|\)[*+?{]|[*+?}][*+?{]|\[\[:")
#: What inside a set may mean something else in a later Python, which warns of it.
_IN_SET: Final = re.compile(r"\[\^?\]?[^\]]*(\[|--|&&|~~|\|\|)")
_LONGEST: Final = 256


def selector_of(
    job: Mapping[str, Any], group: Mapping[str, Any], tasks: Sequence[Mapping[str, Any]], known: Known
) -> tuple[list[hal.Selector], bool]:
    """Return the selectors, and whether no two of the tasks may share a node.

    Raises
    ------
    Unsaid
        There is no such selector.
    """
    found: list[hal.Selector] = []
    places = job.get("Datacenters") or ["*"]
    if not isinstance(places, list) or not all(isinstance(place, str) for place in places):
        raise Unsaid("Datacenters", places)
    if "*" not in places:
        globs = [place for place in places if set(place) & set("*?[")]
        matched = [
            value for value in known("node.datacenter") for glob in globs if fnmatch.fnmatchcase(value, glob)
        ]
        found.append(
            hal.Selector("node.datacenter", "In", sorted({*places, *matched} - set(globs)) or globs[:1])
        )
    pool = text(job, "NodePool") or "default"
    if pool != "all":
        found.append(hal.Selector("node.pool", "In", [pool]))
    found += [
        hal.Selector(f"driver.{text(task, 'Driver')}", "Exists") for task in tasks if text(task, "Driver")
    ]
    for volume in mapping(group, "Volumes").values():
        if text(volume, "Type") != "host":
            raise Unsaid("Volumes", text(volume, "Type"))
        found.append(hal.Selector(f"volume.{text(volume, 'Source')}", "Exists"))
    alone = False
    for part in (job, group, *tasks):
        for constraint in rows(part, "Constraints"):
            operand, wanted = text(constraint, "Operand"), text(constraint, "RTarget")
            if operand == "distinct_hosts":
                alone |= wanted.lower() != "false"
            elif operand == "distinct_property":
                selector, apart = _distinct(
                    constraint, rows(job, "TaskGroups") if part is job else [group], known
                )
                found.append(selector)
                alone |= apart
            elif not ours(constraint):
                found.append(_selector(text(constraint, "LTarget"), operand, wanted, known))
    return found, alone


def _distinct(
    constraint: Mapping[str, Any], groups: Sequence[Mapping[str, Any]], known: Known
) -> tuple[hal.Selector, bool]:
    """Return that a property is there, and whether no two tasks may share a node.

    Nomad lets so many allocations of the job, or of the group, have each value of the property. That is said where
    there are no more of them, and where each node has a value of its own.
    """
    label, most = _TARGET.fullmatch(text(constraint, "LTarget")), text(constraint, "RTarget") or "1"
    said = f"{text(constraint, 'LTarget')} distinct_property {most}"
    if label is None or not re.fullmatch(r"[1-9]\d{0,6}", most, re.ASCII):
        raise Unsaid("Constraints", said)
    there = hal.Selector(label[1], "Exists")
    if sum(whole(group, "Count", 1) for group in groups) <= int(most):
        return there, False
    values = list(known(label[1]))
    if most != "1" or len(groups) > 1 or len(values) != len(set(values)):
        raise Unsaid("Constraints", said)
    return there, True


def affinities_of(parts: Sequence[Mapping[str, Any]], known: Known) -> tuple[list[hal.Prefer], list[str]]:
    """Return the wishes about nodes of a job, its group and tasks, and those that cannot be said.

    Nomad weighs them against each other, and all of them together as much as its packing: so does hal.
    """
    found: list[tuple[hal.Selector, int]] = []
    unsaid: list[str] = []
    for row in (row for part in parts for row in rows(part, "Affinities")):
        target, operand, wanted = (text(row, key) for key in ("LTarget", "Operand", "RTarget"))
        weight = signed(row, "Weight", 50)
        try:
            found.append((_selector(target, operand, wanted, known), weight))
        except Unsaid as error:
            unsaid.append(error.value)
    total = sum(abs(weight) for _, weight in found) or 1
    return [
        hal.Prefer([selector if weight > 0 else _against(selector)], weight=abs(weight) / total)
        for selector, weight in found
        if weight
    ], unsaid


def _against(selector: hal.Selector) -> hal.Selector:
    return hal.Selector(selector.key, _OPPOSITE[selector.op], selector.values)


def _selector(target: str, operand: str, wanted: str, known: Known) -> hal.Selector:
    label = _TARGET.fullmatch(target)
    if label is None or "${" in wanted:
        raise Unsaid("Constraints", f"{target} {operand} {wanted}")
    if (op := _OPERANDS.get(operand)) is not None:
        return hal.Selector(label[1], op, [wanted] if op in ("In", "NotIn") else [])
    satisfies("", operand, wanted)  # what cannot be said is so whatever the nodes have
    values = [value for value in set(known(label[1])) if satisfies(value, operand, wanted)]
    # Where no value will do, one that no node has: users see what was asked for.
    return hal.Selector(label[1], "In", sorted(values) or [f"{operand} {wanted}"[:_LONGEST]])


def satisfies(value: str, operand: str, wanted: str) -> bool:
    """Whether a value meets a constraint, as Nomad has it; a value that is no version, or too long, meets none.

    Raises
    ------
    Unsaid
        There is no such operand, or what is wanted cannot be said here as Nomad means it.
    """
    match operand:
        case "<" | "<=" | ">" | ">=":
            return _ORDERS[operand](*_comparable(value, wanted))
        case "regexp":
            plain = re.sub(r"\\.", "", wanted[:_LONGEST])
            risky = _RISKY.search(wanted) or _IN_SET.search(plain)
            if risky or len(wanted) > _LONGEST or sum(map(wanted.count, "*+{")) > 2:
                raise Unsaid("Constraints", f"regexp {wanted}")
            try:
                return len(value) <= _LONGEST and re.search(wanted, value, re.ASCII) is not None
            except re.error as error:
                raise Unsaid("Constraints", f"regexp {wanted}: {error}") from None
        case "version" | "semver":
            bounds = [_bound(part, operand) for part in wanted.split(",")]
            own = _VERSION.fullmatch(value)
            return own is not None and all(_within(_numbers(own[1]), *bound) for bound in bounds)
        case "set_contains" | "set_contains_all":
            return _set(wanted) <= _set(value)
        case "set_contains_any":
            return bool(_set(wanted) & _set(value))
    raise Unsaid("Constraints", f"{operand} {wanted}")


def _comparable(value: str, wanted: str) -> tuple[Any, Any]:
    """Both as whole numbers, or else as numbers, or else as text."""
    for pattern, kind in ((r"[+-]?\d{1,18}", int), (r"[+-]?\d{1,300}(\.\d{1,300})?", float)):
        if re.fullmatch(pattern, value, re.ASCII) and re.fullmatch(pattern, wanted, re.ASCII):
            return kind(value), kind(wanted)
    return value.encode(), wanted.encode()


def _bound(part: str, operand: str) -> tuple[str, tuple[int, ...]]:
    found = _BOUND.fullmatch(part.strip())
    if found is None or (found[1] == "~>" and operand == "semver"):
        raise Unsaid("Constraints", f"{operand} {part}")
    return found[1] or "=", _numbers(found[2])


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _within(own: tuple[int, ...], operand: str, bound: tuple[int, ...]) -> bool:
    length = max(len(own), len(bound), 3)
    mine, theirs = own + (0,) * (length - len(own)), bound + (0,) * (length - len(bound))
    if operand in _ORDERS:
        return _ORDERS[operand](mine, theirs)
    if operand == "~>":  # the last part given may grow, no other
        fixed = max(len(bound) - 1, 1)
        return mine >= theirs and (len(bound) == 1 or mine[:fixed] == theirs[:fixed])
    return (mine == theirs) == (operand == "=")


def _set(text_: str) -> set[str]:
    return {part.strip() for part in text_.split(",")}
