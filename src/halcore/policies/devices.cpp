#include "halcore/policies/devices.h"

#include <algorithm>
#include <array>

#include "halcore/model/links.h"
#include "halcore/policies/filters/filters.h"

namespace hal {

std::uint64_t eligible_devices(const Cluster& cluster, const Shape& s, NodeId node) {
    std::uint64_t eligible = 0;
    (void)filters::gpu_model(cluster.node_class(node), s, eligible);
    return eligible;
}

std::uint64_t fitting_devices(const Cluster& cluster, const Shape& s, NodeId node, std::uint64_t eligible) {
    const auto free = cluster.gpu_free(node);
    std::uint64_t fitting = 0;
    for (std::uint64_t m = eligible; m; m &= m - 1) {
        const int g = std::countr_zero(m);
        if (s.profile != kNoProfile) {
            const Device& d = cluster.node_class(node).devices[g];
            if (partition_table(d.partition).best_start(s.profile, cluster.gpu_slices(node)[g]) < 0) continue;
        }
        if (free[g] >= share_at(cluster, s, node, g)) fitting |= std::uint64_t{1} << g;
    }
    return fitting;
}

double room_lost(const Cluster& cluster, const Shape& s, NodeId node, int g) {
    const PartitionTable& table = partition_table(cluster.node_class(node).devices[g].partition);
    const Slices before = cluster.gpu_slices(node)[g];
    const Slices taken = table.layout(s.profile).taken_from(table.best_start(s.profile, before));
    return table.room(before) - table.room(before | taken) + (kSlices - std::popcount(before)) / 16.0;
}

std::uint64_t tightest_devices(const Cluster& cluster, const Shape& s, NodeId node, std::uint64_t eligible) {
    const auto free = cluster.gpu_free(node);
    if (s.gpus == 1 && s.milli > 0) {  // what most tasks with a device ask for
        // What would be left, then the device: the least is the tightest. Negative wraps to huge.
        std::uint32_t least = UINT32_MAX;
        for (std::uint64_t m = eligible; m; m &= m - 1) {
            const int g = std::countr_zero(m);
            least = std::min(
                least, static_cast<std::uint32_t>(free[g] - s.milli) << 6 | static_cast<std::uint32_t>(g));
        }
        return std::uint64_t{1} << (least & 63);
    }
    std::uint64_t fitting = fitting_devices(cluster, s, node, eligible), taken = 0;
    if (s.whole() && s.gpus > 1) {  // over the fewest link domains; in one domain alone, the first ones
        const auto& devices = cluster.node_class(node).devices;
        std::array<std::int32_t, kMaxGpusPerNode> domain{};
        bool differ = false;
        for (std::size_t g = 0; g < devices.size(); ++g) {
            domain[g] = devices[g].domain;
            differ |= domain[g] != domain[0];
        }
        if (differ) return choose_devices(fitting, {domain.data(), devices.size()}, s.gpus);
    }
    for (int i = 0; i < s.gpus; ++i) {
        int best = std::countr_zero(fitting);
        if (s.profile != kNoProfile) {
            for (std::uint64_t m = fitting; m; m &= m - 1) {
                const int g = std::countr_zero(m);
                if (room_lost(cluster, s, node, g) < room_lost(cluster, s, node, best)) best = g;
            }
        } else if (!s.whole()) {
            for (std::uint64_t m = fitting; m; m &= m - 1) {
                const int g = std::countr_zero(m);
                if (free[g] < free[best]) best = g;
            }
        }
        taken |= std::uint64_t{1} << best;
        fitting &= ~taken;
    }
    return taken;
}

}  // namespace hal
