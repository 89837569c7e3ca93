# Declarations of hal.h for Cython: `from hal.capi cimport hal_batch`. Compile with hal.get_include() on the path.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t


cdef extern from "hal.h" nogil:
    const uint32_t HAL_ABI_VERSION
    const uint32_t HAL_ABI_VERSION_MIN

    enum:
        HAL_CPU
        HAL_MEMORY

    enum:
        HAL_SCOPE_CONTEXT
        HAL_SCOPE_NODE
        HAL_SCOPE_ORDER

    ctypedef struct hal_columns:
        size_t size
        size_t n_nodes
        size_t n_resources
        const char *const *resource_names
        const int64_t *const *free
        const int64_t *const *capacity
        const int64_t *capacity_max
        const int32_t *gpu_count
        const int32_t *gpu_total_free
        const int32_t *gpu_idle
        const int32_t *gpu_max_free
        const int64_t *gpu_begin
        const int32_t *gpu_free
        int64_t gpu_count_max
        const uint32_t *tasks
        const uint8_t *present

    ctypedef struct hal_request:
        size_t size
        const int64_t *amounts
        int32_t gpus
        int32_t gpu_milli
        int64_t gpu_memory
        const char *const *gpu_models
        size_t n_gpu_models
        const char *gpu_profile

    ctypedef struct hal_batch:
        size_t size
        uint32_t abi_version
        size_t n_candidates
        const uint32_t *nodes
        const hal_request *request
        const hal_columns *columns
        const uint32_t *placed
        size_t n_placed

    ctypedef int (*hal_score_fn)(const hal_batch *batch, double *scores, void *data)
    ctypedef int (*hal_keep_fn)(const hal_batch *batch, uint8_t *keep, void *data)

    ctypedef struct hal_scorer:
        size_t size
        uint32_t abi_version
        uint32_t scope
        const char *name
        hal_score_fn score
        void *data
        void (*release)(void *data)

    ctypedef struct hal_filter:
        size_t size
        uint32_t abi_version
        const char *name
        hal_keep_fn keep
        void *data
        void (*release)(void *data)
