"""How a cluster is built from columns and files, and written to files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from os import PathLike
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hal import _core
from hal._columns import check_column, zeros
from hal._doors import texts
from hal._show import show
from hal.errors import InvalidModel
from hal.gpu import GPU
from hal.model import Node, Taint
from hal.units import LIMIT

__all__ = ["Building", "node_of"]


class Building:
    """The part of `Cluster` that knows columns and files."""

    __slots__ = ("_core",)
    _core: Any

    def __init__(self, nodes: Iterable[Node] = ()) -> None:
        raise NotImplementedError

    def nodes(self) -> Iterator[Node]:
        """Every node, in index order."""
        raise NotImplementedError

    @classmethod
    def _of(cls, core: Any) -> Self:
        self = cls.__new__(cls)
        self._core = core
        return self

    @classmethod
    def from_arrays(
        cls,
        *,
        cpu_milli: NDArray[np.int64],
        memory_mib: NDArray[np.int64],
        gpu_count: NDArray[np.int32] | None = None,
        gpu_model: NDArray[np.int32] | None = None,
        gpu_memory: NDArray[np.int64] | None = None,
        models: Sequence[str] = (),
        names: Sequence[str] | None = None,
        resources: Mapping[str, NDArray[np.int64]] | None = None,
    ) -> Self:
        """Build from columns, without a Python object a node.

        Parameters
        ----------
        cpu_milli, memory_mib : (n,) int64
            Capacity in milli-CPU and MiB.
        gpu_count : (n,) int32, optional
            Devices of each node, 0 … 64.
        gpu_model : (n,) int32, optional
            Index into ``models``; not looked at where a node has no device.
        gpu_memory : (n,) int64, optional
            MiB of each device; 0: unknown.
        models : sequence of str
            Model names.
        names : sequence of str, optional
            Default: ``node-0000000``, ``node-0000001``, …
        resources : mapping of str to (n,) int64, optional
            Extended resources.

        Raises
        ------
        InvalidModel
            An array has the wrong type, dtype, shape or order, or a value out of range; a name comes twice.

        Notes
        -----
        O(n); 10,000 nodes take a few milliseconds.
        """
        cpu = check_column("cpu_milli", cpu_milli, np.int64, None)

        def column(name: str, value: Any, dtype: Any, most: int = LIMIT) -> Any:
            return (
                zeros(cpu.size, dtype)
                if value is None
                else check_column(name, value, dtype, cpu.size, most=most)
            )

        count = column("gpu_count", gpu_count, np.int32, 64)
        model = column("gpu_model", gpu_model, np.int32, 2**31 - 1)
        if count.any() and int(model[count > 0].max()) >= len(models):
            raise InvalidModel(
                f"gpu_model: names model {int(model[count > 0].max())} of {len(models)}; extend models="
            )
        extended = {} if resources is None else resources
        if not isinstance(extended, Mapping):
            raise InvalidModel(f"resources = {show(resources)}: must be a mapping from name to column")
        texts("resources", list(extended), names=True)
        core = _core.Cluster.from_columns(
            cpu,
            check_column("memory_mib", memory_mib, np.int64, cpu.size),
            count,
            model,
            column("gpu_memory", gpu_memory, np.int64),
            texts("models", models, names=True),
            None if names is None else texts("names", names, cpu.size, names=True),
            {name: column(f"resources[{name!r}]", amount, np.int64) for name, amount in extended.items()},
        )
        return cls._of(core)

    @classmethod
    def from_openb(cls, path: str | PathLike[str]) -> Self:
        """Read an OpenB node list, in file order.

        Raises
        ------
        InvalidModel
            As `hal.replay.openb.read_nodes`.
        """
        from hal.replay.openb import read_nodes

        nodes = read_nodes(path)
        return cls.from_arrays(
            cpu_milli=nodes.cpu,
            memory_mib=nodes.memory,
            gpu_count=nodes.gpu_count,
            gpu_model=nodes.gpu_model,
            models=nodes.models,
            names=nodes.names,
        )

    @classmethod
    def from_yaml(cls, source: str | PathLike[str]) -> Self:
        """Read a YAML file (`hal.files` has the format). Needs the extra ``yaml``.

        Raises
        ------
        InvalidModel
            The file cannot be read or a field is wrong; the message names file, field and value.
        """
        from hal.files import read_nodes

        return cls(read_nodes(source, "yaml"))

    @classmethod
    def from_json(cls, source: str | PathLike[str]) -> Self:
        """Read a JSON file, in the format of `from_yaml`."""
        from hal.files import read_nodes

        return cls(read_nodes(source, "json"))

    def to_yaml(self, path: str | PathLike[str]) -> None:
        """Write the nodes (not what runs on them) as YAML that `from_yaml` reads back."""
        from hal.files import write_nodes

        write_nodes(path, self.nodes(), "yaml")

    def to_json(self, path: str | PathLike[str]) -> None:
        """Write the nodes (not what runs on them) as JSON that `from_json` reads back."""
        from hal.files import write_nodes

        write_nodes(path, self.nodes(), "json")


def node_of(state: tuple[Any, ...]) -> Node:
    """Return the node that a core's description stands for."""
    name, cpu, memory, devices, extended, labels, taints, schedulable, partitions = state
    return Node(
        name,
        cpus=cpu / 1000,
        memory=memory,
        gpus=tuple(
            GPU(model, memory=memory, link=link, mig=table)
            for (model, memory, link), table in zip(devices, partitions, strict=True)
        ),
        resources=dict(extended),
        labels=dict(labels),
        taints=tuple(Taint(key, value, effect) for key, value, effect in taints),
        schedulable=schedulable,
    )
