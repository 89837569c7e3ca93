# cython: language_level=3, boundscheck=False, cdivision=True
"""Best fit in Cython: the node with the least left over after the task, over CPU, memory and GPUs."""
from libc.stdint cimport int64_t, uint32_t

from hal cimport capi

#: By which hal.h this module was compiled: hal checks it.
HAL_ABI_VERSION = capi.HAL_ABI_VERSION


cdef api int best_fit(const capi.hal_batch *batch, double *scores, void *data) noexcept nogil:
    cdef const capi.hal_columns *columns = batch.columns
    cdef const capi.hal_request *request = batch.request
    cdef const int64_t *cpu = columns.free[<int>capi.HAL_CPU]
    cdef const int64_t *memory = columns.free[<int>capi.HAL_MEMORY]
    cdef double largest_cpu = columns.capacity_max[<int>capi.HAL_CPU]
    cdef double largest_memory = columns.capacity_max[<int>capi.HAL_MEMORY]
    cdef double largest_gpu = 1000.0 * columns.gpu_count_max
    cdef double gpu = <double>request.gpus * request.gpu_milli
    cdef int resources = (largest_cpu > 0) + (largest_memory > 0) + (largest_gpu > 0)
    cdef double left, score
    cdef uint32_t node
    cdef size_t i
    for i in range(batch.n_candidates):
        node = batch.nodes[i]
        left = 0
        if largest_cpu > 0:
            left += (cpu[node] - request.amounts[<int>capi.HAL_CPU]) / largest_cpu
        if largest_memory > 0:
            left += (memory[node] - request.amounts[<int>capi.HAL_MEMORY]) / largest_memory
        if largest_gpu > 0:
            left += (columns.gpu_total_free[node] - gpu) / largest_gpu
        score = 1 - left / (resources if resources else 1)
        scores[i] = min(max(score, 0.0), 1.0)
    return 0
