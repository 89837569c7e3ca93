#include <algorithm>
#include <bit>

#include "halcore/policies/filters/filters.h"

namespace hal::filters {

Reason gpu_model(const NodeClass& node_class, const Shape& shape, std::uint64_t& eligible) {
    eligible = 0;
    for (std::size_t g = 0; g < node_class.devices.size(); ++g) {
        const Device& d = node_class.devices[g];
        const bool model =
            shape.any_model || std::binary_search(shape.models.begin(), shape.models.end(), d.model);
        // A device that may be partitioned is taken whole, or an instance at a time; never by shares.
        const bool way = shape.profile != kNoProfile ? d.partition && layout_on(shape, d).slices > 0
                                                     : shape.whole() || !d.partition;
        if (model && way && shape.gpu_memory <= d.memory) eligible |= std::uint64_t{1} << g;
    }
    return std::popcount(eligible) < shape.gpus ? Reason{Reason::Code::GpuModel} : Reason{};
}

}  // namespace hal::filters
