#include "halcore/policies/filters/filters.h"

namespace hal::filters {

Reason resources(const Cluster& cluster, const Shape& shape, NodeId node) {
    if (shape.cpu > cluster.free(kCpu, node)) return {Reason::Code::Resource, kCpu};
    if (shape.memory > cluster.free(kMemory, node)) return {Reason::Code::Resource, kMemory};
    for (const auto& [resource, amount] : shape.extended) {
        if (amount > cluster.free(resource, node)) return {Reason::Code::Resource, resource};
    }
    return {};
}

}  // namespace hal::filters
