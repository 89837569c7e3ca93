"""What a scorer or filter compiled by numba reads from its batch (needs the extra ``[numba]``).

`SCORE` and `KEEP` are the signatures for ``numba.cfunc``; the functions read the fields of ``hal_batch`` in
compiled code. Columns are (n_nodes,) arrays by node id; `nodes` names the candidates.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from hal._extras import require

__all__ = [
    "CPU",
    "KEEP",
    "MEMORY",
    "SCORE",
    "amount",
    "bytes_at",
    "capacity",
    "capacity_max",
    "free",
    "gpu_count",
    "gpu_count_max",
    "gpu_idle",
    "gpu_max_free",
    "gpu_total_free",
    "nodes",
    "request_gpu_memory",
    "request_gpu_milli",
    "request_gpus",
    "tasks",
]

_numba: Final = require("numba", extra="numba")
_extending: Final = require("numba.extending", extra="numba")
_types: Final = _numba.types

#: Resource ids.
CPU: Final = 0
#: See `CPU`.
MEMORY: Final = 1

#: Signature of a native scorer: ``@numba.cfunc(SCORE)``. Its arguments: batch, scores, data.
SCORE: Final[Any] = _types.intc(_types.voidptr, _types.CPointer(_types.float64), _types.voidptr)
#: Signature of a native filter: batch, keep, data.
KEEP: Final[Any] = _types.intc(_types.voidptr, _types.CPointer(_types.uint8), _types.voidptr)


def _at(context: Any, address: Any) -> Any:
    def generate(_: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        cell = builder.inttoptr(arguments[0], _numba.core.cgutils.voidptr_t)
        return cell

    return _types.voidptr(address), generate


# The address in a field, as the pointer that numba.carray takes.
_pointer: Final = _extending.intrinsic(_at)

# hal_batch, hal_request and hal_columns as 8-byte cells: pointers and 64-bit numbers at these places.
_BATCH_COUNT, _BATCH_NODES, _BATCH_REQUEST, _BATCH_COLUMNS = 2, 3, 4, 5
_REQUEST_AMOUNTS, _REQUEST_GPUS, _REQUEST_GPU_MEMORY = 1, 2, 3
_NODES, _FREE, _CAPACITY, _CAPACITY_MAX = 1, 4, 5, 6
_GPU_COUNT, _GPU_TOTAL, _GPU_IDLE, _GPU_MAX, _GPU_COUNT_MAX, _TASKS = 7, 8, 9, 10, 13, 14


def _compiled(function: Any) -> Any:
    return _numba.njit(inline="always")(function)


def _cells_at(pointer: Any) -> Any:
    return _numba.carray(pointer, 16, np.int64)


_cells = _compiled(_cells_at)


def _columns_of(batch: Any) -> Any:
    return _cells(_pointer(_cells(batch)[_BATCH_COLUMNS]))


def _request_of(batch: Any) -> Any:
    return _cells(_pointer(_cells(batch)[_BATCH_REQUEST]))


_columns = _compiled(_columns_of)
_request = _compiled(_request_of)


def _column(cell: int, dtype: Any, meaning: str) -> Any:
    def read(batch: Any) -> Any:
        columns = _columns(batch)
        return _numba.carray(_pointer(columns[cell]), columns[_NODES], dtype)

    read.__doc__ = meaning
    return _compiled(read)


def _by_resource(cell: int, meaning: str) -> Any:
    def read(batch: Any, resource: Any) -> Any:
        columns = _columns(batch)
        rows = _numba.carray(_pointer(columns[cell]), resource + 1, np.int64)
        return _numba.carray(_pointer(rows[resource]), columns[_NODES], np.int64)

    read.__doc__ = meaning
    return _compiled(read)


def _nodes_of(batch: Any) -> Any:
    cells = _cells(batch)
    return _numba.carray(_pointer(cells[_BATCH_NODES]), cells[_BATCH_COUNT], np.uint32)


def _capacity_max_of(batch: Any, resource: Any) -> Any:
    return _numba.carray(_pointer(_columns(batch)[_CAPACITY_MAX]), resource + 1, np.int64)[resource]


def _amount_of(batch: Any, resource: Any) -> Any:
    return _numba.carray(_pointer(_request(batch)[_REQUEST_AMOUNTS]), resource + 1, np.int64)[resource]


def _gpus_of(batch: Any) -> Any:
    return _request(batch)[_REQUEST_GPUS] & 0xFFFFFFFF


def _milli_of(batch: Any) -> Any:
    return _request(batch)[_REQUEST_GPUS] >> 32


def _gpu_memory_of(batch: Any) -> Any:
    return _request(batch)[_REQUEST_GPU_MEMORY]


def _gpu_count_max_of(batch: Any) -> Any:
    return _columns(batch)[_GPU_COUNT_MAX]


def _bytes_of(data: Any, count: Any) -> Any:
    return _numba.carray(data, count, np.uint8)


#: ``nodes(batch)``: ids of the k candidates, (k,) uint32.
nodes: Final = _compiled(_nodes_of)
#: ``free(batch, resource)``: (n_nodes,) int64, base units.
free: Final = _by_resource(_FREE, "Free amounts.")
#: ``capacity(batch, resource)``: (n_nodes,) int64, base units.
capacity: Final = _by_resource(_CAPACITY, "Capacities.")
#: ``capacity_max(batch, resource)``: of the largest present node.
capacity_max: Final = _compiled(_capacity_max_of)
#: ``gpu_count(batch)``: devices, (n_nodes,) int32.
gpu_count: Final = _column(_GPU_COUNT, np.int32, "Devices.")
#: ``gpu_total_free(batch)``: (n_nodes,) int32, milli-GPU over all devices.
gpu_total_free: Final = _column(_GPU_TOTAL, np.int32, "Free milli-GPU.")
#: ``gpu_idle(batch)``: devices that nothing runs on, (n_nodes,) int32.
gpu_idle: Final = _column(_GPU_IDLE, np.int32, "Idle devices.")
#: ``gpu_max_free(batch)``: (n_nodes,) int32, milli-GPU of the freest device.
gpu_max_free: Final = _column(_GPU_MAX, np.int32, "Freest device.")
#: ``gpu_count_max(batch)``: devices of the present node that has most.
gpu_count_max: Final = _compiled(_gpu_count_max_of)
#: ``tasks(batch)``: tasks that run there, (n_nodes,) uint32.
tasks: Final = _column(_TASKS, np.uint32, "Tasks.")
#: ``amount(batch, resource)``: what one task asks for, base units.
amount: Final = _compiled(_amount_of)
#: ``request_gpus(batch)``: devices that one task asks for.
request_gpus: Final = _compiled(_gpus_of)
#: ``request_gpu_milli(batch)``: of each device; 0 without GPUs, or when the memory decides it.
request_gpu_milli: Final = _compiled(_milli_of)
#: ``request_gpu_memory(batch)``: MiB.
request_gpu_memory: Final = _compiled(_gpu_memory_of)
#: ``bytes_at(data, count)``: the scorer's data, (count,) uint8; ``.view(np.float64)`` reads numbers.
bytes_at: Final = _compiled(_bytes_of)
