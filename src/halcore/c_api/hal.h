/* hal.h: the stable C interface of hal-core. C11 and C++; no Python inside.
 *
 * Rules that hold everywhere:
 * - Functions return HAL_OK or a negative status; hal_last_error() then says why, by thread. A call
 *   that fails changes nothing. No C++ exception leaves the library.
 * - Structs start with `size`, which the caller sets to sizeof: fields are only ever appended, so either
 *   side may be the older one. Set the rest to zero first; fields that the library does not know must be
 *   zero. The elements of an array have one size.
 * - Handles are opaque. Each comes from one function, and goes back to the one beside it, which takes NULL.
 * - Text is UTF-8 and is copied. Quantities are integers: milli-CPU, MiB, milli-GPU.
 * - A cluster may be used by several threads: calls take turns. A policy is fixed by its first use, a shape
 *   from the start. Placements and explanations belong to one thread at a time.
 * - A scorer must not call back into the cluster that it is asked about: that is HAL_ERROR_ARGUMENT.
 */
#ifndef HAL_H
#define HAL_H

#include "hal_plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Version and errors ---- */

enum {
    HAL_OK = 0,
    HAL_ERROR_ARGUMENT = -1, /* misuse: NULL, a short struct, an unknown version or flag */
    HAL_ERROR_MODEL = -2,    /* a node, job or placement breaks a rule; the message names it */
    HAL_ERROR_POLICY = -3,   /* an unknown, badly set up or failing policy */
    HAL_ERROR_MEMORY = -4,
    HAL_ERROR_INTERNAL = -5
};

/* Of the library that is loaded. Never fail. */
HAL_API uint32_t hal_abi_version(void);
HAL_API uint32_t hal_abi_version_min(void);
HAL_API const char* hal_version(void);
/* Why the latest failed call of this thread failed; "" before the first. Valid until the next one that fails.
 */
HAL_API const char* hal_last_error(void);

/* ---- Clusters ---- */

typedef struct hal_cluster hal_cluster;

typedef struct hal_amount { /* of an extended resource */
    size_t size;
    const char* name;
    int64_t amount;
} hal_amount;

typedef struct hal_gpu {
    size_t size;
    const char* model;
    int64_t memory;         /* MiB */
    const char* partitions; /* table by which it may be partitioned (MIG); NULL: never */
    int32_t domain;         /* devices of one NVLink or NUMA domain share the number */
    uint32_t reserved;
} hal_gpu;

typedef struct hal_label {
    size_t size;
    const char* key;
    const char* value; /* NULL: "" */
} hal_label;

enum { HAL_NO_SCHEDULE = 0, HAL_PREFER_NO_SCHEDULE = 1, HAL_NO_EXECUTE = 2 };
typedef struct hal_taint {
    size_t size;
    const char* key;
    const char* value; /* NULL: "" */
    uint32_t effect;
    uint32_t reserved;
} hal_taint;

typedef struct hal_node {
    size_t size;
    const char* name;
    int64_t cpu;    /* milli-CPU */
    int64_t memory; /* MiB */
    const hal_gpu* gpus;
    size_t n_gpus;
    const hal_amount* extended;
    size_t n_extended;
    const hal_label* labels;
    size_t n_labels;
    const hal_taint* taints;
    size_t n_taints;
    uint32_t unschedulable; /* 1: takes no new tasks */
    uint32_t reserved;
} hal_node;

/* Many nodes at once, without labels and taints. The columns are copied. */
typedef struct hal_node_columns {
    size_t size;
    size_t n_nodes;
    const int64_t *cpu, *memory; /* [n_nodes] */
    const int32_t* gpu_count;    /* [n_nodes], NULL: no GPUs */
    const int32_t* gpu_model;    /* [n_nodes]: index into models; NULL: 0 */
    const int64_t* gpu_memory;   /* [n_nodes]: MiB of each device; NULL: 0 */
    const char* const* models;   /* [n_models] */
    size_t n_models;
    const char* const* names; /* [n_nodes], NULL: node-0000000, ... */
} hal_node_columns;

typedef struct hal_cluster_info {
    size_t size;
    uint64_t n_nodes; /* present */
    uint64_t n_slots; /* node ids in use: present and removed nodes */
    uint64_t n_jobs;
    uint64_t version; /* names the state: every change gives a new number */
} hal_cluster_info;

/* An empty cluster. The caller owns it. */
HAL_API int hal_cluster_new(hal_cluster** out);
HAL_API void hal_cluster_free(hal_cluster* cluster);
/* A copy that goes its own way: same node ids, same job ids. The caller owns it. O(nodes + jobs). */
HAL_API int hal_cluster_fork(hal_cluster* cluster, hal_cluster** out);
/* All of them or none. HAL_ERROR_MODEL: a name that is taken, a quantity out of range. */
HAL_API int hal_cluster_add_nodes(hal_cluster* cluster, const hal_node* nodes, size_t n_nodes);
HAL_API int hal_cluster_add_columns(hal_cluster* cluster, const hal_node_columns* columns);
/* New capacity, devices, labels, taints. HAL_ERROR_MODEL: unknown, or running tasks would not fit. */
HAL_API int hal_cluster_update_node(hal_cluster* cluster, const hal_node* node);
/* HAL_ERROR_MODEL: unknown, or tasks run there. With evict their jobs lose those tasks; *n_evicted (may be
 * NULL) is how many jobs did. */
HAL_API int hal_cluster_remove_node(hal_cluster* cluster, const char* name, int evict, size_t* n_evicted);
HAL_API int hal_cluster_get_info(hal_cluster* cluster, hal_cluster_info* out);
/* A hash of the state that decisions depend on. O(nodes + jobs). */
HAL_API int hal_cluster_digest(hal_cluster* cluster, uint64_t* out);
/* HAL_ERROR_MODEL: no such node. The name is valid until the cluster changes. */
HAL_API int hal_cluster_find_node(hal_cluster* cluster, const char* name, uint32_t* node);
HAL_API int hal_cluster_node_name(hal_cluster* cluster, uint32_t node, const char** name);
/* The columns as they are, valid until the cluster changes. */
HAL_API int hal_cluster_get_columns(hal_cluster* cluster, hal_columns* out);

/* ---- Shapes and jobs ---- */

typedef struct hal_shape
    hal_shape; /* what one task asks for: checked once, used for many jobs and clusters */

enum { HAL_IN = 0, HAL_NOT_IN = 1, HAL_EXISTS = 2, HAL_DOES_NOT_EXIST = 3, HAL_GT = 4, HAL_LT = 5 };
typedef struct hal_requirement { /* on a label of the node */
    size_t size;
    const char* key;
    const char* const* values; /* [n_values] */
    size_t n_values;
    uint32_t op;
    uint32_t reserved;
} hal_requirement;

enum { HAL_ANY_EFFECT = 3 };
typedef struct hal_toleration {
    size_t size;
    const char* key;   /* NULL or "": any */
    const char* value; /* NULL: "" */
    uint32_t exists;   /* 1: whatever the value */
    uint32_t effect;   /* of a taint, or HAL_ANY_EFFECT */
} hal_toleration;

typedef struct hal_shape_spec {
    size_t size;
    int64_t cpu;    /* milli-CPU */
    int64_t memory; /* MiB */
    int32_t gpus;
    int32_t gpu_milli; /* of each device, 1000: idle ones; 0: the share that holds gpu_memory */
    int64_t gpu_memory;
    const char* const* gpu_models; /* [n_gpu_models], none: any */
    size_t n_gpu_models;
    const char* gpu_profile; /* a GPU instance instead of a share; NULL: none */
    const hal_amount* extended;
    size_t n_extended;
    const hal_requirement* selector; /* all must hold */
    size_t n_selector;
    const hal_toleration* tolerations;
    size_t n_tolerations;
} hal_shape_spec;

typedef struct hal_job {
    size_t size;
    const char* name; /* NULL: known by its id only */
    const hal_shape* shape;
    int32_t tasks; /* 1 or more; all are placed or none */
    int32_t priority;
} hal_job;

/* The caller owns it; jobs that run do not need it. HAL_ERROR_MODEL names the field that is wrong. */
HAL_API int hal_shape_new(const hal_shape_spec* spec, hal_shape** out);
HAL_API void hal_shape_free(hal_shape* shape);

/* ---- Policies ---- */

typedef struct hal_policy hal_policy; /* weighted scorers and filters */

typedef struct hal_policy_options {
    size_t size;
    const char* name;  /* NULL: "policy" */
    uint64_t seed;     /* for scorers that draw lots */
    uint64_t tie_seed; /* 0: ties go to the lower node id */
} hal_policy_options;

typedef struct hal_param { /* of a built-in scorer */
    size_t size;
    const char* name;
    double real;     /* is_integer 0 */
    int64_t integer; /* is_integer 1 */
    uint32_t is_integer;
    uint32_t reserved;
} hal_param;

/* A policy without scorers; options may be NULL. The caller owns it, and may free it while clusters remember
 * it. */
HAL_API int hal_policy_new(const hal_policy_options* options, hal_policy** out);
HAL_API void hal_policy_free(hal_policy* policy);
/* A built-in scorer by name ("best_fit", "fgd", ...). Weights are positive. HAL_ERROR_POLICY: unknown name or
 * parameter. HAL_ERROR_ARGUMENT: the policy was used already, and is fixed. */
HAL_API int hal_policy_add_named(hal_policy* policy, const char* scorer, double weight,
                                 const hal_param* params, size_t n_params);
/* Registers the caller's own scorer or filter. The struct is copied. On success the library owns data and
 * calls release(data) once, when the policy is freed and no cluster remembers it; on failure the caller still
 * owns it. */
HAL_API int hal_policy_add_scorer(hal_policy* policy, const hal_scorer* scorer, double weight);
HAL_API int hal_policy_add_filter(hal_policy* policy, const hal_filter* filter);

/* ---- Placing ---- */

typedef struct hal_placements hal_placements;

enum { HAL_PLACED = 0, HAL_UNSCHEDULABLE = 1 /* not now */, HAL_INFEASIBLE = 2 /* never on this cluster */ };
enum { HAL_APPLY = 1 }; /* flag: book what is placed */

/* Tasks of job j are rows task_begin[j] ... task_begin[j + 1] - 1. */
typedef struct hal_placement_columns {
    size_t size;
    size_t n_jobs;
    size_t n_tasks;
    const uint8_t* status;     /* [n_jobs] */
    const int64_t* task_begin; /* [n_jobs + 1] */
    const int32_t* node;       /* [n_tasks]: node id, -1: not placed */
    const uint64_t* devices;   /* [n_tasks]: bit mask of the node's devices */
    const double* score;       /* [n_tasks] */
    const int64_t* id;         /* [n_jobs]: job id, -1: not placed; NULL: not applied */
} hal_placement_columns;

/* Decides jobs in the given order, each seeing those before it. Not fitting is an answer, not an error. The
 * cluster is as before unless HAL_APPLY. *out may be NULL under HAL_APPLY for named jobs nobody asks about
 * again; else the caller owns it. HAL_ERROR_MODEL: a job's name is taken. HAL_ERROR_POLICY: a scorer failed;
 * it is named. */
HAL_API int hal_place(hal_cluster* cluster, const hal_policy* policy, const hal_job* jobs, size_t n_jobs,
                      uint32_t flags, hal_placements** out);
/* Books placements made without HAL_APPLY, once. HAL_ERROR_MODEL: they no longer fit. */
HAL_API int hal_apply(hal_cluster* cluster, hal_placements* placements);
/* Pointers into the placements, valid until they are freed or applied. */
HAL_API int hal_placements_get(const hal_placements* placements, hal_placement_columns* out);
HAL_API void hal_placements_free(hal_placements* placements);
/* Ends jobs, all of them or none. HAL_ERROR_MODEL: no such job, or one given twice. */
HAL_API int hal_release(hal_cluster* cluster, const int64_t* ids, size_t n_ids);
HAL_API int hal_release_named(hal_cluster* cluster, const char* name);

/* ---- Explaining ---- */

typedef struct hal_explanation hal_explanation;

typedef struct hal_explanation_columns {
    size_t size;
    uint32_t status;
    uint32_t reserved;
    uint64_t n_nodes;
    uint64_t n_feasible;
    size_t n_reasons;
    const char* const* reasons; /* [n_reasons], most frequent first */
    const uint64_t* rejected;   /* [n_reasons]: nodes rejected for it */
    size_t n_top;
    const uint32_t* top_node; /* [n_top], best first */
    const double* top_score;  /* [n_top] */
} hal_explanation_columns;

/* Why a job fits where it does, or nowhere, on the cluster as it is. At most `top` best nodes. O(nodes). */
HAL_API int hal_explain(hal_cluster* cluster, const hal_policy* policy, const hal_job* job, size_t top,
                        hal_explanation** out);
/* Pointers into the explanation, valid until it is freed. */
HAL_API int hal_explanation_get(const hal_explanation* explanation, hal_explanation_columns* out);
HAL_API void hal_explanation_free(hal_explanation* explanation);

#ifdef __cplusplus
}
#endif

#endif /* HAL_H */
