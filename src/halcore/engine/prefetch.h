#pragma once

#include "halcore/model/cluster.h"

namespace hal {

/// Fetches what deciding on a node and booking a task on it reads and writes. Where nodes are many it is not
/// in the cache, and one miss after the other would cost more than the decision.
inline void prefetch(const Cluster& cluster, NodeId n) {
    __builtin_prefetch(cluster.state().data() + n, 1);
    __builtin_prefetch(cluster.class_counts(n).data(), 1);
    cluster.changes().prefetch(n);
}

}  // namespace hal
