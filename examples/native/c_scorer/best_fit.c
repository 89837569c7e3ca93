/* Best fit in C: the node with the least left over after the task, over CPU, memory and GPUs.
 * Score: 1 - mean over r of (free_r - request_r) / largest_r, over the resources that some node has. */
#include <hal.h>

HAL_PLUGIN

int best_fit(const hal_batch *batch, double *scores, void *data) {
    const hal_columns *columns = batch->columns;
    const hal_request *request = batch->request;
    const int64_t *cpu = columns->free[HAL_CPU], *memory = columns->free[HAL_MEMORY];
    const double largest_cpu = (double)columns->capacity_max[HAL_CPU];
    const double largest_memory = (double)columns->capacity_max[HAL_MEMORY];
    const double largest_gpu = 1000.0 * (double)columns->gpu_count_max;
    const double gpu = (double)request->gpus * request->gpu_milli;
    const int resources = (largest_cpu > 0) + (largest_memory > 0) + (largest_gpu > 0);
    (void)data;
    for (size_t i = 0; i < batch->n_candidates; ++i) {
        const uint32_t node = batch->nodes[i];
        double left = 0;
        if (largest_cpu > 0) left += (double)(cpu[node] - request->amounts[HAL_CPU]) / largest_cpu;
        if (largest_memory > 0)
            left += (double)(memory[node] - request->amounts[HAL_MEMORY]) / largest_memory;
        if (largest_gpu > 0) left += (columns->gpu_total_free[node] - gpu) / largest_gpu;
        const double score = 1 - left / (resources ? resources : 1);
        scores[i] = score < 0 ? 0 : score > 1 ? 1 : score;
    }
    return 0;
}

/* Keeps nodes that would be left with *(int64_t *)data MiB or more. */
int keep_memory(const hal_batch *batch, uint8_t *keep, void *data) {
    const int64_t reserve = *(const int64_t *)data;
    const int64_t *memory = batch->columns->free[HAL_MEMORY];
    for (size_t i = 0; i < batch->n_candidates; ++i)
        keep[i] = memory[batch->nodes[i]] - batch->request->amounts[HAL_MEMORY] >= reserve;
    return 0;
}
