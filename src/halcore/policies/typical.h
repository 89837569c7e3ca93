#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "halcore/model/cluster.h"

namespace hal {

/// How often a task of this GPU-related request is asked for. Memory is not looked at.
struct TaskCount {
    std::int64_t cpu = 0;
    std::int32_t milli = 0;
    std::int32_t gpus = 0;
    std::vector<std::string> models;  // sorted; empty: any
    std::int64_t count = 0;
};
using TaskCounts = std::vector<TaskCount>;

/// A typical task: a request and its popularity p, interned for one cluster.
struct TypicalTask {
    std::int64_t cpu;
    std::int32_t milli, gpus;
    std::vector<std::uint32_t> models;  // empty: any
    double p;
};

/// The most frequent requests that make up `coverage` of the counts, most frequent first; their popularities
/// add up to 1. Ties in count: larger cpu, milli, gpus, then model text first.
/// Source: Weng et al., USENIX ATC 2023 ("Beware of Fragmentation"), section 4.
std::vector<TypicalTask> typical_tasks(TaskCounts counts, double coverage, const Cluster& cluster);

/// Counts by shape of a cluster (Cluster::seen, Cluster::seen_now) as counts of requests.
TaskCounts task_counts(const Cluster& cluster, std::span<const std::uint64_t> by_shape);

}  // namespace hal
