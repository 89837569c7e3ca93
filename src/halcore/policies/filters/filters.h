#pragma once

#include "halcore/policies/reason.h"

// The built-in filters, in the order in which they are asked. The first four look at the node's class alone.
namespace hal::filters {

Reason schedulable(const NodeClass& node_class);
Reason node_selector(const NodeClass& node_class, const Shape& shape);
Reason taints(const NodeClass& node_class, const Shape& shape);
/// Enough devices of an allowed model and memory, busy or not; `eligible` receives them.
Reason gpu_model(const NodeClass& node_class, const Shape& shape, std::uint64_t& eligible);
Reason resources(const Cluster& cluster, const Shape& shape, NodeId node);
Reason gpus(const Cluster& cluster, const Shape& shape, NodeId node, std::uint64_t eligible);

}  // namespace hal::filters
