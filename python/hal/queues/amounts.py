"""Amounts of quotas: CPUs, memory, GPUs and named resources, in human units outside and base units inside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from hal import units
from hal._show import show
from hal.errors import InvalidModel

__all__ = ["base_amounts", "human", "human_amounts"]

_CORE_NAME = {"cpus": "cpu", "memory": "memory", "gpus": "gpu"}
_HUMAN_NAME = {core: name for name, core in _CORE_NAME.items()}


def base_amounts(given: Any, field: str) -> dict[str, int]:
    """Turn ``{"cpus": 64, "memory": "1TiB", "gpus": 8.5, "licence": 3}`` into base units by core name.

    Raises
    ------
    InvalidModel
        Not a mapping, or an amount that is no amount of its resource.
    """
    if not isinstance(given, Mapping):
        raise InvalidModel(f"{field} = {show(given)}: must be a mapping such as {{'cpus': 64, 'gpus': 8}}")
    out: dict[str, int] = {}
    for name, amount in given.items():
        where = f"{field}[{name!r}]"
        if not isinstance(name, str) or not name or name in ("cpu", "gpu"):
            raise InvalidModel(
                f"{field}: {show(name)} is no resource; write cpus, memory, gpus, or a named one"
            )
        if name in ("cpus", "gpus"):  # thousandths alike
            out[_CORE_NAME[name]] = units.cpu_milli(amount, field=where, capacity=True)
        elif name == "memory":
            out[name] = units.memory_mib(amount, field=where, capacity=True)
        else:
            out[name] = units.count(amount, field=where)
    return out


def human(resource: str, amount: float) -> tuple[str, float]:
    """Return name and amount as people write them: CPUs and GPUs in whole ones, memory in MiB."""
    if resource in ("cpu", "gpu"):
        exact = Decimal(str(amount)) / 1000
        return _HUMAN_NAME[resource], int(exact) if exact == int(exact) else float(exact)
    return resource, amount


def human_amounts(amounts: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Return a mapping of resource to amount, as people write them."""
    return dict(human(resource, amount) for resource, amount in amounts)
