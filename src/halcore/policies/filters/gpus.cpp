#include <bit>

#include "halcore/policies/filters/filters.h"

namespace hal::filters {

Reason gpus(const Cluster& cluster, const Shape& shape, NodeId node, std::uint64_t eligible) {
    if (shape.gpus == 0) return {};
    const Reason::Code code = shape.whole() ? Reason::Code::GpuIdle : Reason::Code::GpuShare;
    const auto free = cluster.gpu_free(node);
    int found = 0;
    if (shape.milli > 0) {
        for (std::uint64_t m = eligible; m; m &= m - 1) found += free[std::countr_zero(m)] >= shape.milli;
    } else {
        const auto& devices = cluster.node_class(node).devices;
        const auto slices = cluster.gpu_slices(node);
        for (std::uint64_t m = eligible; m; m &= m - 1) {
            const int g = std::countr_zero(m);
            found += shape.profile != kNoProfile
                         ? partition_table(devices[g].partition).best_start(shape.profile, slices[g]) >= 0
                         : free[g] >= share_on(shape, devices[g]);
        }
    }
    return found < shape.gpus ? Reason{code} : Reason{};
}

}  // namespace hal::filters
