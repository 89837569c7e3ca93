"""Requests as YAML or JSON.

A document has ``requests:`` and ``maintenance:``, lists of mappings with the fields of `Request` and `Maintenance`;
and, if wanted, ``caches:`` (size by name) and ``objective:`` (``tardiness``, ``makespan``, or
``{prices: [[time, price], …]}``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from typing import Any, TypeVar

from hal._doors import path_of
from hal._show import show
from hal.errors import InvalidModel
from hal.files import _load, format_of
from hal.reserve.objective import EnergyPrice, Objective, checked
from hal.reserve.request import Maintenance, Request
from hal.units import Quantity

__all__ = ["Document", "read_requests"]

T = TypeVar("T", Request, Maintenance)
_SECTIONS = ("requests", "maintenance", "caches", "objective")


@dataclass(frozen=True)
class Document:
    """What a file asks for: the arguments of `hal.reserve.solve` by their names."""

    requests: tuple[Request | Maintenance, ...]
    caches: Mapping[str, Quantity]
    objective: Objective


def read_requests(path: str | PathLike[str]) -> Document:
    """Read a document; a name that ends in ``.json`` is JSON, anything else YAML.

    Raises
    ------
    InvalidModel
        The file cannot be read or a field is wrong; the message names file, entry and field.
    MissingExtra
        The file is YAML and pyyaml is not installed.
    """
    document = _load(path_of(path), format_of(path))
    if not isinstance(document, dict):
        raise InvalidModel(f"{path}: must be a mapping with a list under 'requests'")
    unknown = [key for key in document if key not in _SECTIONS]
    if unknown:
        raise InvalidModel(
            f"{path}: unknown section {show(unknown[0])}; the sections are {', '.join(_SECTIONS)}"
        )
    caches = document.get("caches") or {}
    if not isinstance(caches, dict):
        raise InvalidModel(f"{path}: caches = {show(caches)}: must be a mapping from name to size")
    objective = document.get("objective", "tardiness")
    try:
        if isinstance(objective, dict) and list(objective) == ["prices"]:
            objective = EnergyPrice(objective["prices"])
        checked(objective)
    except InvalidModel as error:
        raise InvalidModel(f"{path}: {error}") from None
    asked: tuple[Request | Maintenance, ...] = (
        *_entries(path, document, "requests", Request),
        *_entries(path, document, "maintenance", Maintenance),
    )
    return Document(asked, caches, objective)


def _entries(path: object, document: dict[str, Any], section: str, kind: type[T]) -> list[T]:
    rows = document.get(section) or []
    if not isinstance(rows, list):
        raise InvalidModel(f"{path}: {section} = {show(rows)}: must be a list")
    out = []
    for index, row in enumerate(rows):
        where = f"{path}: {section}[{index}]"
        if not isinstance(row, dict) or not all(isinstance(field, str) for field in row):
            raise InvalidModel(f"{where} = {show(row)}: must be a mapping from field to value")
        try:
            out.append(kind(**row))
        except TypeError as error:
            raise InvalidModel(f"{where}: {error}") from None
        except InvalidModel as error:
            raise InvalidModel(f"{where}: {error}") from None
    return out
