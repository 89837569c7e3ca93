/* hal_plugin.h: what a native scorer or filter implements. C11 and C++; needs no library. Part of hal.h,
 * whose rules hold here too. */
#ifndef HAL_PLUGIN_H
#define HAL_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define HAL_API __attribute__((visibility("default")))
#else
#define HAL_API
#endif

/* Of this header, and the oldest that the library of the same release still serves. */
#define HAL_ABI_VERSION 1u
#define HAL_ABI_VERSION_MIN 1u

enum { HAL_CPU = 0, HAL_MEMORY = 1 }; /* resource ids; extended resources follow */

/* The state of a cluster as columns, by node id, 0 ... n_nodes - 1. What they point to is the
 * library's: read it only while the call lasts that gave it. */
typedef struct hal_columns {
    size_t size;
    size_t n_nodes; /* removed ones included: see present */
    size_t n_resources;
    const char* const* resource_names; /* [n_resources] */
    const int64_t* const* free;        /* [n_resources][n_nodes] */
    const int64_t* const* capacity;    /* [n_resources][n_nodes] */
    const int64_t* capacity_max;       /* [n_resources]: of the largest present node */
    const int32_t* gpu_count;          /* [n_nodes]: devices */
    const int32_t* gpu_total_free;     /* [n_nodes]: milli-GPU over all devices */
    const int32_t* gpu_idle;           /* [n_nodes]: devices that nothing runs on */
    const int32_t* gpu_max_free;       /* [n_nodes]: milli-GPU of the freest device */
    const int64_t* gpu_begin;          /* [n_nodes]: where the node's devices begin in gpu_free */
    const int32_t* gpu_free;           /* milli-GPU by device */
    int64_t gpu_count_max;             /* of the present node with most devices */
    const uint32_t* tasks;             /* [n_nodes]: tasks that run there */
    const uint8_t* present;            /* [n_nodes]: 0: removed */
} hal_columns;

/* What one task asks for. */
typedef struct hal_request {
    size_t size;
    const int64_t* amounts; /* [n_resources] */
    int32_t gpus;
    int32_t gpu_milli;  /* of each device; 0 without GPUs, or when gpu_memory or gpu_profile decides it */
    int64_t gpu_memory; /* MiB */
    const char* const* gpu_models; /* [n_gpu_models], none: any */
    size_t n_gpu_models;
    const char* gpu_profile; /* "": none */
} hal_request;

/* One question to a scorer or filter: one task, and the nodes on which it fits. */
typedef struct hal_batch {
    size_t size;
    uint32_t abi_version; /* of the caller */
    uint32_t reserved;
    size_t n_candidates;
    const uint32_t* nodes; /* [n_candidates]: node ids */
    const hal_request* request;
    const hal_columns* columns;
    const uint32_t*
        placed; /* [n_placed]: nodes of this job's tasks so far; told to HAL_SCOPE_CONTEXT alone */
    size_t n_placed;
} hal_batch;

/* Writes scores[i], from 0 to 1, higher is better, for every nodes[i]; or 1 (keep) or 0 (reject).
 * Returns 0; or 1 + i when nodes[i] cannot be judged; or a negative number. Any of these, and a score that is
 * unset, NaN or out of range, fails the call that asked with HAL_ERROR_POLICY, and the cluster is unchanged.
 * Called without Python's GIL, from any thread, by several at once for several clusters. Must not throw. The
 * same arguments must give the same answer. */
typedef int (*hal_score_fn)(const hal_batch* batch, double* scores, void* data);
typedef int (*hal_keep_fn)(const hal_batch* batch, uint8_t* keep, void* data);

/* The same as text: the name of a capsule that holds such a function. */
#define HAL_SCORE_SIGNATURE "int (hal_batch const *, double *, void *)"
#define HAL_KEEP_SIGNATURE "int (hal_batch const *, uint8_t *, void *)"

/* What a score depends on. CONTEXT: anything; computed anew for each decision. NODE: the request and the
 * node's own row of the columns, and capacity_max and gpu_count_max, alone (not on its id); kept until the
 * node changes. ORDER: likewise, and every request ranks the nodes alike: a node's score is that for a
 * request of nothing (which it is asked about, too) plus something that depends on the request alone. One
 * index then serves all requests. */
enum { HAL_SCOPE_CONTEXT = 0, HAL_SCOPE_NODE = 1, HAL_SCOPE_ORDER = 2 };

/* A scorer described. Name of a capsule that holds one: "hal_scorer". */
typedef struct hal_scorer {
    size_t size;
    uint32_t abi_version; /* HAL_ABI_VERSION */
    uint32_t scope;
    const char* name; /* in explanations and errors */
    hal_score_fn score;
    void* data;                  /* handed to score */
    void (*release)(void* data); /* NULL: nothing to do */
} hal_scorer;

/* A filter described. Name of a capsule that holds one: "hal_filter". */
typedef struct hal_filter {
    size_t size;
    uint32_t abi_version;
    uint32_t reserved;
    const char* name;
    hal_keep_fn keep;
    void* data;
    void (*release)(void* data);
} hal_filter;

/* In one source file of a shared library with scorers: tells who loads it by which header it was built. */
#define HAL_PLUGIN                                \
    extern HAL_API const uint32_t hal_plugin_abi; \
    HAL_API const uint32_t hal_plugin_abi = HAL_ABI_VERSION;

#ifdef __cplusplus
}
#endif

#endif /* HAL_PLUGIN_H */
