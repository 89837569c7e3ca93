#pragma once

#include <algorithm>

#include "halcore/model/cluster.h"

namespace hal::replay {

/// Used share of the node's fullest resource among CPU, memory and GPU, in [0, 1].
inline double load_of(const Cluster& cluster, NodeId n) {
    double load = 0;
    const auto see = [&load](std::int64_t free, std::int64_t capacity) {
        if (capacity > 0)
            load = std::max(load, static_cast<double>(capacity - free) / static_cast<double>(capacity));
    };
    see(cluster.free(kCpu, n), cluster.capacity(kCpu, n));
    see(cluster.free(kMemory, n), cluster.capacity(kMemory, n));
    see(cluster.gpu_total_free(n), kWholeGpu.value() * cluster.gpu_count(n));
    return load;
}

}  // namespace hal::replay
