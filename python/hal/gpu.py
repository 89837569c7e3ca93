"""The devices of a node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY
from typing import Annotated, Any

from pydantic import Field

from hal import units
from hal._show import show
from hal._validate import NAME, WHOLE, model, quantity
from hal.errors import InvalidModel
from hal.units import Quantity

__all__ = ["GPU", "gpu_list", "gpus"]


@model
class GPU:
    """One device of a node.

    Attributes
    ----------
    model : str
        Model name as jobs ask for it, ``"A100"``.
    memory : int or str
        Device memory; kept as MiB. 0: unknown, which satisfies no request for GPU memory.
    link : int
        Link domain (NVLink, NUMA): devices of one node with the same number are close, 0 … 2**31-1.
    """

    model: Annotated[str, NAME]
    _: KW_ONLY
    memory: Annotated[Quantity, quantity(units.memory_mib, "memory", capacity=True)] = 0
    link: Annotated[int, WHOLE, Field(ge=0, lt=2**31)] = 0


def gpus(count: int, model: str, *, memory: Quantity = 0, link: int = 0) -> tuple[GPU, ...]:
    """``count`` equal devices, for ``Node(gpus=…)``; add tuples for a node of several models.

    Raises
    ------
    InvalidModel
        ``count`` is not a whole number from 0 to 64, or a field of the GPU is wrong.

    Examples
    --------
    >>> len(gpus(8, "A100", memory="80GiB"))
    8
    """
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= 64:
        raise InvalidModel(
            f"gpus: count = {show(count)}: must be a whole number from 0 to 64, the most one node has"
        )
    return (GPU(model, memory=memory, link=link),) * count


def gpu_list(value: Any) -> Any:
    """Accept one GPU, and the short form of files: ``{count: 8, model: A100}`` or a list of such."""
    if isinstance(value, (GPU, Mapping)):
        value = [value]
    if not isinstance(value, (list, tuple)):
        raise InvalidModel(f'gpus = {show(value)}: give hal.gpus(8, "A100") or a list of hal.GPU')
    out: list[Any] = []
    for item in value:
        if isinstance(item, Mapping) and "count" in item:
            rest = {key: given for key, given in item.items() if key != "count"}
            unknown = rest.keys() - {"model", "memory", "link"}
            if unknown or "model" not in rest:
                raise InvalidModel(f"gpus = {show(item)}: needs count and model, may have memory and link")
            out += gpus(item["count"], **rest)
        else:
            out.append(item)
    return tuple(out)
