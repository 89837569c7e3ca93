"""The devices of a node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY
from typing import Annotated, Any, Final

import numpy as np
from pydantic import Field

from hal import _core, units
from hal._show import show
from hal._validate import NAME, TEXT, WHOLE, model, quantity
from hal.errors import InvalidModel
from hal.units import Quantity

__all__ = ["GPU", "PARTITION_TABLES", "gpu_list", "gpus"]

#: Kinds of devices that may be partitioned: table → profile → (memory slices, slices at which it may start).
#: Source: NVIDIA MIG User Guide, supported profiles; placements as ``nvidia-smi mig -lgipp`` prints them.
PARTITION_TABLES: Final[Mapping[str, Mapping[str, tuple[int, tuple[int, ...]]]]] = {
    table: {profile: (slices, tuple(starts)) for profile, slices, starts in rows}
    for table, rows in _core.partition_tables()
}
#: (part of the model's name, most memory in MiB, table), the first that matches.
_TABLE_OF: Final = (
    ("a100", 40 << 10, "a100-40gb"),
    ("a100", 80 << 10, "a100-80gb"),
    ("h100", 80 << 10, "h100-80gb"),
)


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
    mig : bool or str
        May be partitioned into instances (NVIDIA MIG): ``True`` for the table of its model and memory, or the name of
        one (`hal.PARTITION_TABLES`); kept as the name, ``""`` when not. Such a device is taken whole or by
        ``gpu_profile``, never by shares.
    """

    model: Annotated[str, NAME]
    _: KW_ONLY
    memory: Annotated[Quantity, quantity(units.memory_mib, "memory", capacity=True)] = 0
    link: Annotated[int, WHOLE, Field(ge=0, lt=2**31)] = 0
    mig: Annotated[bool, WHOLE] | Annotated[str, TEXT] = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "mig", _table(self))


def gpus(
    count: int, model: str, *, memory: Quantity = 0, link: int = 0, mig: bool | str = ""
) -> tuple[GPU, ...]:
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
    if isinstance(count, bool) or not isinstance(count, (int, np.integer)) or not 0 <= count <= 64:
        raise InvalidModel(
            f"gpus: count = {show(count)}: must be a whole number from 0 to 64, the most one node has"
        )
    return (GPU(model, memory=memory, link=link, mig=mig),) * int(count)


def _table(gpu: GPU) -> str:
    if isinstance(gpu.mig, str):
        if gpu.mig and gpu.mig not in PARTITION_TABLES:
            raise InvalidModel(
                f"mig = {show(gpu.mig)}: must be True, or one of {', '.join(PARTITION_TABLES)}"
            )
        return gpu.mig
    if not gpu.mig:
        return ""
    for part, most, table in _TABLE_OF:
        if part in gpu.model.lower() and 0 < int(gpu.memory) <= most:
            return table
    raise InvalidModel(
        f"mig = True: no table is known for {gpu.model} with {gpu.memory} MiB; "
        f"give memory=, or name one of {', '.join(PARTITION_TABLES)}"
    )


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
            unknown = rest.keys() - {"model", "memory", "link", "mig"}
            if unknown or "model" not in rest:
                raise InvalidModel(
                    f"gpus = {show(item)}: needs count and model, may have memory, link and mig"
                )
            out += gpus(item["count"], **rest)
        else:
            out.append(item)
    return tuple(out)
