#pragma once

#include "halcore/model/cluster.h"

namespace hal {

/// Fetches what deciding on a node and booking a task on it reads and writes. Where nodes are many it is not
/// in the cache, and one miss after the other would cost more than the decision.
inline void prefetch(const Cluster& cluster, NodeId n) {
    const NodeState& node = cluster.state()[n];
    __builtin_prefetch(&node, 1);
    __builtin_prefetch(node.class_count.data(), 1);
    cluster.changes().prefetch(n);
}

}  // namespace hal
