"""Best fit in Python, compiled by numba: the node with the least left over after the task."""

from numba import cfunc

import hal
from hal import native_numba as hn


@cfunc(hn.SCORE)
def best_fit(batch, scores, data):
    """Score: 1 - mean over r of (free_r - request_r) / largest_r, over the resources that some node has."""
    cpu, memory, gpu = hn.free(batch, hn.CPU), hn.free(batch, hn.MEMORY), hn.gpu_total_free(batch)
    largest_cpu = float(hn.capacity_max(batch, hn.CPU))
    largest_memory = float(hn.capacity_max(batch, hn.MEMORY))
    largest_gpu = 1000.0 * hn.gpu_count_max(batch)
    want_cpu, want_memory = hn.amount(batch, hn.CPU), hn.amount(batch, hn.MEMORY)
    want_gpu = float(hn.request_gpus(batch) * hn.request_gpu_milli(batch))
    resources = (largest_cpu > 0) + (largest_memory > 0) + (largest_gpu > 0)
    nodes = hn.nodes(batch)
    for i in range(nodes.size):
        node = nodes[i]
        left = 0.0
        if largest_cpu > 0:
            left += (cpu[node] - want_cpu) / largest_cpu
        if largest_memory > 0:
            left += (memory[node] - want_memory) / largest_memory
        if largest_gpu > 0:
            left += (gpu[node] - want_gpu) / largest_gpu
        scores[i] = min(max(1 - left / max(resources, 1), 0.0), 1.0)
    return 0


def scorer() -> hal.NativeScorer:
    """Return the scorer."""
    return hal.NativeScorer(best_fit, one_order=True)
