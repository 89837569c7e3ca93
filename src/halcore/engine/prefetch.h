#pragma once

#include "halcore/model/cluster.h"

namespace hal {

/// Fetches what deciding on a node and booking a task on it reads and writes. Where nodes are many their
/// columns are not in the cache, and one miss after the other would cost more than the decision.
inline void prefetch(const Cluster& cluster, NodeId n) {
    __builtin_prefetch(cluster.gpu_begin_column().data() + n);
    __builtin_prefetch(cluster.class_column().data() + n);
    __builtin_prefetch(cluster.gpu_count_column().data() + n);
    __builtin_prefetch(cluster.free_column(kCpu).data() + n, 1);
    __builtin_prefetch(cluster.free_column(kMemory).data() + n, 1);
    __builtin_prefetch(cluster.task_column().data() + n, 1);
    __builtin_prefetch(cluster.class_counts(n).data(), 1);
    __builtin_prefetch(cluster.gpu_total_column().data() + n, 1);
    __builtin_prefetch(cluster.gpu_idle_column().data() + n, 1);
    __builtin_prefetch(cluster.gpu_max_column().data() + n, 1);
}

}  // namespace hal
