/* Scorers and filters for test_native.py: one that sees everything, and each way of going wrong. */
#include <hal.h>
#include <math.h>
#include <stddef.h>

HAL_PLUGIN

/* 1 / (1 + tasks), of own state. */
int fewest_tasks(const hal_batch *batch, double *scores, void *data) {
    (void)data;
    for (size_t i = 0; i < batch->n_candidates; ++i)
        scores[i] = 1.0 / (1 + batch->columns->tasks[batch->nodes[i]]);
    return 0;
}

/* What is asked for over what is free: every request ranks the nodes in its own way. */
int likes_what_it_fills(const hal_batch *batch, double *scores, void *data) {
    (void)data;
    for (size_t i = 0; i < batch->n_candidates; ++i) {
        const int64_t free = batch->columns->free[HAL_CPU][batch->nodes[i]];
        scores[i] = free ? (double)batch->request->amounts[HAL_CPU] / (double)free : 0;
    }
    return 0;
}

/* Fails as data says on the node *data: 'n' NaN, 'r' out of range, 'u' unset, 's' blames it, 'w' fails as a whole. */
struct fault {
    int64_t node;
    int64_t kind;
    int64_t calls;
};
int faulty(const hal_batch *batch, double *scores, void *data) {
    struct fault *fault = data;
    ++fault->calls;
    for (size_t i = 0; i < batch->n_candidates; ++i) {
        if (batch->nodes[i] != (uint32_t)fault->node) {
            scores[i] = 0.5;
            continue;
        }
        switch (fault->kind) {
            case 'n': scores[i] = NAN; break;
            case 'r': scores[i] = 1.5; break;
            case 'u': break;
            case 's': return 1 + (int)i;
            case 'w': return -7;
            default: scores[i] = 0.5;
        }
    }
    return 0;
}
int faulty_keep(const hal_batch *batch, uint8_t *keep, void *data) {
    struct fault *fault = data;
    for (size_t i = 0; i < batch->n_candidates; ++i) {
        if (batch->nodes[i] != (uint32_t)fault->node) {
            keep[i] = 1;
            continue;
        }
        switch (fault->kind) {
            case 'r': keep[i] = 2; break;
            case 'u': break;
            case 's': return 1 + (int)i;
            case 'w': return -7;
            default: keep[i] = 0;
        }
    }
    return 0;
}

/* Copies what it is shown into data: n_candidates, then by candidate the fields of its columns. */
int witness(const hal_batch *batch, double *scores, void *data) {
    int64_t *out = data;
    const hal_columns *c = batch->columns;
    const hal_request *r = batch->request;
    if (batch->size != sizeof *batch || c->size != sizeof *c || r->size != sizeof *r) return -1;
    if (batch->abi_version != HAL_ABI_VERSION) return -2;
    *out++ = (int64_t)batch->n_candidates;
    *out++ = (int64_t)c->n_resources;
    *out++ = r->amounts[HAL_CPU];
    *out++ = r->amounts[HAL_MEMORY];
    *out++ = c->n_resources > 2 ? r->amounts[2] : -1;
    *out++ = r->gpus;
    *out++ = r->gpu_milli;
    *out++ = r->gpu_memory;
    *out++ = (int64_t)r->n_gpu_models;
    *out++ = c->capacity_max[HAL_CPU];
    *out++ = c->capacity_max[HAL_MEMORY];
    *out++ = c->gpu_count_max;
    *out++ = (int64_t)batch->n_placed;
    for (size_t i = 0; i < batch->n_candidates; ++i) {
        const uint32_t n = batch->nodes[i];
        int64_t devices = 0;
        for (int32_t g = 0; g < c->gpu_count[n]; ++g) devices += c->gpu_free[c->gpu_begin[n] + g];
        *out++ = n;
        *out++ = c->free[HAL_CPU][n];
        *out++ = c->capacity[HAL_CPU][n];
        *out++ = c->free[HAL_MEMORY][n];
        *out++ = c->capacity[HAL_MEMORY][n];
        *out++ = c->n_resources > 2 ? c->free[2][n] : -1;
        *out++ = c->gpu_count[n];
        *out++ = c->gpu_total_free[n];
        *out++ = c->gpu_idle[n];
        *out++ = c->gpu_max_free[n];
        *out++ = devices;
        *out++ = c->tasks[n];
        *out++ = c->present[n];
        scores[i] = 0.25;
    }
    return 0;
}

const hal_scorer described = {sizeof(hal_scorer), HAL_ABI_VERSION, HAL_SCOPE_NODE, "described", fewest_tasks, 0, 0};
const hal_scorer ordered = {sizeof(hal_scorer), HAL_ABI_VERSION, HAL_SCOPE_ORDER, "ordered", fewest_tasks, 0, 0};
const hal_scorer short_struct = {8, HAL_ABI_VERSION, HAL_SCOPE_NODE, "short", fewest_tasks, 0, 0};
const hal_scorer from_the_future = {sizeof(hal_scorer), 999, HAL_SCOPE_NODE, "future", fewest_tasks, 0, 0};
const hal_scorer no_function = {sizeof(hal_scorer), HAL_ABI_VERSION, HAL_SCOPE_NODE, "empty", 0, 0, 0};
const hal_scorer no_name = {sizeof(hal_scorer), HAL_ABI_VERSION, HAL_SCOPE_NODE, 0, fewest_tasks, 0, 0};
const hal_scorer odd_scope = {sizeof(hal_scorer), HAL_ABI_VERSION, 7, "odd", fewest_tasks, 0, 0};
const hal_filter described_filter = {sizeof(hal_filter), HAL_ABI_VERSION, 0, "described_filter", faulty_keep, 0, 0};
