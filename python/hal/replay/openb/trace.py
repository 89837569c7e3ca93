"""The CSVs of the OpenB trace: nodes and tasks as columns.

Source: Alibaba cluster-trace-gpu-v2023 (ATC'23, "Beware of Fragmentation").
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hal._doors import NAMED, named, path_of
from hal.cluster import Cluster
from hal.errors import InvalidModel
from hal.policies import TypicalTask
from hal.units import LIMIT

__all__ = ["Nodes", "Tasks", "read_nodes", "read_tasks"]

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

_INT32: Final = 2**31 - 1


@dataclass(frozen=True)
class Nodes:
    """A node list as columns; row = line of the CSV.

    Attributes
    ----------
    names : list of str
    cpu, memory : (n,) int64, milli-CPU and MiB
    gpu_count : (n,) int32, 0 … 64
    gpu_model : (n,) int32, index into ``models``
    models : list of str
    """

    names: list[str]
    cpu: I64
    memory: I64
    gpu_count: I32
    gpu_model: I32
    models: list[str]

    @property
    def gpu_capacity(self) -> int:
        """All GPUs, in milli-GPU."""
        return 1000 * int(self.gpu_count.sum())

    def __len__(self) -> int:
        return len(self.names)

    def take(self, rows: NDArray[np.integer]) -> Nodes:
        """Nodes in another order; ties go to the node that comes first."""
        return Nodes(
            [self.names[row] for row in rows.tolist()],
            np.ascontiguousarray(self.cpu[rows]),
            np.ascontiguousarray(self.memory[rows]),
            np.ascontiguousarray(self.gpu_count[rows]),
            np.ascontiguousarray(self.gpu_model[rows]),
            self.models,
        )

    def cluster(self) -> Cluster:
        """Return an empty cluster of these nodes under numbered names."""
        return Cluster.from_arrays(
            cpu_milli=self.cpu,
            memory_mib=self.memory,
            gpu_count=self.gpu_count,
            gpu_model=self.gpu_model,
            models=self.models,
        )


@dataclass(frozen=True)
class Tasks:
    """A task list as columns; row = line of the CSV.

    Attributes
    ----------
    names : list of str
    cpu, memory : (n,) int64, milli-CPU and MiB
    gpus : (n,) int64, 0 … 64 devices
    gpu_milli : (n,) int64, share of each device, 0 without GPUs, else 1 … 1000
    gpu_models : (n,) int32, index into ``model_sets``
    model_sets : list of tuple of str
        Allowed models; an empty one allows any.
    specs : list of str
        The text each set was read from, for ties between typical tasks.
    """

    names: list[str]
    cpu: I64
    memory: I64
    gpus: I64
    gpu_milli: I64
    gpu_models: I32
    model_sets: list[tuple[str, ...]]
    specs: list[str]

    def __len__(self) -> int:
        return len(self.names)

    @property
    def gpu_demand(self) -> I64:
        """(n,) int64, milli-GPU asked for by each task."""
        return self.gpus * self.gpu_milli

    def typical(self, *, coverage: float = 0.95) -> list[TypicalTask]:
        """Most frequent classes that together cover ``coverage`` of the tasks, by falling count.

        Ties go to the larger CPU, share, number of GPUs, then model text.
        """
        keys = zip(
            self.cpu.tolist(),
            self.gpu_milli.tolist(),
            self.gpus.tolist(),
            self.gpu_models.tolist(),
            strict=True,
        )
        counted = Counter(keys)
        ranked = sorted(
            counted.items(),
            key=lambda item: (item[1], *item[0][:3], self.specs[item[0][3]]),
            reverse=True,
        )
        out: list[TypicalTask] = []
        covered = 0
        for (cpu, milli, number, models), count in ranked:
            out.append(TypicalTask(cpu, milli, number, self.model_sets[models], count))
            covered += count
            if covered >= coverage * len(self):
                break
        return out


def read_nodes(path: str | PathLike[str]) -> Nodes:
    """Read a node list (``sn, cpu_milli, memory_mib, gpu, model``).

    Raises
    ------
    InvalidModel
        The file cannot be read, is cut short, or has a wrong field; the message names file and line.
    """
    rows = list(_rows(path, ("sn", "cpu_milli", "memory_mib", "gpu", "model")))
    models: dict[str, int] = {}
    names: dict[str, None] = {}
    columns: list[tuple[int, int, int, int]] = []
    for row in rows:
        name = row.text("sn")
        if name in names:
            raise row.error("sn", "was given before; names must be unique")
        names[name] = None
        gpu = row.whole("gpu", 64)
        model = row.text("model") if gpu else ""
        index = models.setdefault(model, len(models)) if gpu else 0
        columns.append((row.whole("cpu_milli", LIMIT), row.whole("memory_mib", LIMIT), gpu, index))
    table = np.array(columns, dtype=np.int64).reshape(-1, 4)
    return Nodes(
        list(names),
        np.ascontiguousarray(table[:, 0]),
        np.ascontiguousarray(table[:, 1]),
        table[:, 2].astype(np.int32),
        table[:, 3].astype(np.int32),
        list(models),
    )


def read_tasks(path: str | PathLike[str]) -> Tasks:
    """Read a task list (``name, cpu_milli, memory_mib, num_gpu, gpu_milli`` and, if present, ``gpu_spec``).

    A ``gpu_milli`` over 1000 means 1000, and a trailing ``|`` of ``gpu_spec`` is dropped, as in the published runs.

    Raises
    ------
    InvalidModel
        The file cannot be read, is cut short, or has a wrong field; the message names file and line.
    """
    specs: dict[str, int] = {}
    names: list[str] = []
    columns: list[tuple[int, int, int, int, int]] = []
    for row in _rows(path, ("name", "cpu_milli", "memory_mib", "num_gpu", "gpu_milli")):
        names.append(row.text("name"))
        number = row.whole("num_gpu", 64)
        milli = min(row.whole("gpu_milli", _INT32), 1000)
        if number == 0 and milli:
            raise row.error("gpu_milli", "must be 0 where num_gpu is 0")
        if number and not milli:
            raise row.error("gpu_milli", "must be 1 or more where num_gpu is")
        spec = specs.setdefault(row.optional("gpu_spec").rstrip("|"), len(specs))
        columns.append((row.whole("cpu_milli", LIMIT), row.whole("memory_mib", LIMIT), number, milli, spec))
    table = np.array(columns, dtype=np.int64).reshape(-1, 5)
    # A model named twice stays: the published typical tasks tell "A|B" from "A|B|B".
    sets = [tuple(model for model in spec.split("|") if model) for spec in specs]
    cpu, memory, gpus, share = (np.ascontiguousarray(table[:, i]) for i in range(4))
    return Tasks(names, cpu, memory, gpus, share, table[:, 4].astype(np.int32), sets, list(specs))


@dataclass(frozen=True)
class _Row:
    path: Path
    line: int
    fields: dict[str, str]

    def error(self, field: str, rule: str) -> InvalidModel:
        value = self.fields.get(field, "")
        shown = repr(value if len(value) <= 60 else value[:57] + "...")
        return InvalidModel(f"{self.path} line {self.line}: {field} = {shown}: {rule}")

    def text(self, field: str) -> str:
        value = self.fields[field]
        if not named(value):
            raise self.error(field, NAMED)
        return value

    def optional(self, field: str) -> str:
        value = self.fields.get(field, "")
        if value and not named(value):
            raise self.error(field, NAMED)
        return value

    def whole(self, field: str, most: int) -> int:
        value = self.fields[field]
        if not (value.isascii() and value.isdigit()) or len(value) > 18:
            raise self.error(field, "must be a whole number of base units, 0 or more")
        number = int(value)
        if number > most:
            raise self.error(field, f"must be at most {most}")
        return number


def _rows(path: str | PathLike[str], needed: tuple[str, ...]) -> Iterator[_Row]:
    where = path_of(path)
    try:
        text = where.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InvalidModel(
            f"{where}: cannot be read ({error.strerror}); give the path of an OpenB CSV"
        ) from None
    except UnicodeDecodeError as error:
        raise InvalidModel(f"{where}: byte {error.start} is not UTF-8; give an uncompressed CSV") from None
    if not text:
        raise InvalidModel(f"{where}: is empty; give the path of an OpenB CSV")
    if not text.endswith("\n"):
        last = text.count("\n") + 1
        raise InvalidModel(
            f"{where} line {last}: has no line end: the file is cut short (or add the line end)"
        )
    reader = csv.reader(io.StringIO(text), strict=True)
    try:
        header = next(reader)
        missing = [column for column in needed if column not in header]
        if missing:
            raise InvalidModel(f"{where} line 1: column {missing[0]!r} is missing; found {header!r:.200}")
        for values in reader:
            if not values:
                continue
            if len(values) != len(header):
                raise InvalidModel(
                    f"{where} line {reader.line_num}: {len(values)} fields instead of {len(header)}: "
                    "the line is cut short or has a stray comma"
                )
            yield _Row(where, reader.line_num, dict(zip(header, values, strict=True)))
    except csv.Error as error:
        raise InvalidModel(f"{where} line {reader.line_num}: {error}") from None
