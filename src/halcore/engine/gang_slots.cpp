#include "halcore/engine/gang_slots.h"

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>

#include "halcore/policies/devices.h"

namespace hal {
namespace {

constexpr std::int64_t kMost = 1 << 20;  // as many tasks as a gang may have
constexpr std::size_t kShapes = 64;      // remembered at most

/// A task takes a share of each of `gpus` devices of this many shares; the most tasks t has
/// sum(min(shares, t)) >= gpus · t.
std::int64_t tasks_on(std::span<const std::int64_t> shares, std::int64_t gpus) {
    std::int64_t low = 0;
    for (auto high = std::accumulate(shares.begin(), shares.end(), std::int64_t{0}) / gpus; low < high;) {
        const std::int64_t middle = (low + high + 1) / 2;
        std::int64_t held = 0;
        for (const auto n : shares) held += std::min(n, middle);
        if (held >= gpus * middle)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

}  // namespace

std::int32_t GangSlots::count(ShapeId shape, NodeId node) {
    if (node == kNoNode || !matcher_.fits(shape, node)) return 0;
    const Shape& s = cluster_.shape(shape);
    std::int64_t most = kMost;
    const auto limit = [&](ResourceId r, std::int64_t amount) {
        if (amount > 0) most = std::min(most, cluster_.free(r, node) / amount);
    };
    limit(kCpu, s.cpu);
    limit(kMemory, s.memory);
    for (const auto& [r, amount] : s.extended) limit(r, amount);
    if (s.gpus) {
        const auto free = cluster_.gpu_free(node);
        std::array<std::int64_t, 64> shares;
        std::size_t n = 0;
        for (std::uint64_t m = matcher_.eligible(shape, node); m; m &= m - 1) {
            const int g = std::countr_zero(m);
            shares[n++] = free[g] / std::max(share_at(cluster_, s, node, g), 1);
        }
        most = std::min(most, tasks_on({shares.data(), n}, s.gpus));
    }
    return static_cast<std::int32_t>(most);
}

void GangSlots::trim() {
    if (rows_.size() >= kShapes) rows_.clear();
}

std::span<const std::int32_t> GangSlots::now(ShapeId shape) {
    const NodeTree& tree = *cluster_.tree();
    Row& row = rows_[shape];
    const auto positions = static_cast<std::size_t>(tree.topology().n_nodes());
    const auto recount = [&](std::int32_t p) { row.slots[p] = count(shape, tree.node(p)); };
    if (row.structure != cluster_.structure_version() || row.slots.size() != positions) {
        row.slots.resize(positions);
        for (std::size_t p = 0; p < positions; ++p) recount(static_cast<std::int32_t>(p));
    } else {
        cluster_.changes().since(row.synced, [&](NodeId n) {
            if (const auto p = tree.position(n); p >= 0) recount(p);
        });
    }
    row.structure = cluster_.structure_version();
    row.synced = cluster_.changes().clock();
    return row.slots;
}

std::vector<std::int32_t> GangSlots::empty(ShapeId shape) {
    const NodeTree& tree = *cluster_.tree();
    std::vector<std::int32_t> slots(tree.topology().n_nodes(), 0);
    for (std::size_t p = 0; p < slots.size(); ++p) {
        const NodeId n = tree.node(static_cast<std::int32_t>(p));
        if (n != kNoNode && cluster_.present(n))
            slots[p] =
                static_cast<std::int32_t>(std::min(kMost, matcher_.capacity_of(shape, cluster_.kind(n))));
    }
    return slots;
}

bool GangSlots::pack(NodeId node, std::span<const ShapeId> shapes, std::span<const std::int32_t> counts,
                     std::vector<TaskPlace>* tasks) {
    std::vector<std::int64_t> left(cluster_.resource_count());
    for (ResourceId r = 0; r < left.size(); ++r) left[r] = cluster_.free(r, node);
    for (std::size_t i = 0; i < shapes.size(); ++i) {
        const Shape& s = cluster_.shape(shapes[i]);
        left[kCpu] -= counts[i] * s.cpu;
        left[kMemory] -= counts[i] * s.memory;
        for (const auto& [r, amount] : s.extended) left[r] -= counts[i] * amount;
    }
    if (std::any_of(left.begin(), left.end(), [](auto v) { return v < 0; })) return false;

    const auto all = cluster_.gpu_free(node);
    std::vector<std::int32_t> free(all.begin(), all.end());
    std::vector<std::size_t> order(shapes.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        const Shape &x = cluster_.shape(shapes[a]), &y = cluster_.shape(shapes[b]);
        if (x.whole() != y.whole()) return x.whole();
        return x.whole() ? x.gpus > y.gpus : x.milli > y.milli;
    });
    std::vector<std::vector<std::uint64_t>> devices(shapes.size());
    for (const auto i : order) {
        const Shape& s = cluster_.shape(shapes[i]);
        if (s.gpus == 0) continue;
        const std::uint64_t eligible = matcher_.eligible(shapes[i], node);
        for (std::int32_t n = 0; n < counts[i]; ++n) {
            std::uint64_t mask = 0;
            for (int k = 0; k < s.gpus; ++k) {
                int best = -1;
                for (std::uint64_t m = eligible & ~mask; m; m &= m - 1) {
                    const int g = std::countr_zero(m);
                    if (free[g] < share_at(cluster_, s, node, g)) continue;
                    // One share goes where it fits tightest; several shares go where most are left.
                    if (best < 0 || (s.gpus == 1 ? free[g] < free[best] : free[g] > free[best])) best = g;
                }
                if (best < 0) return false;
                mask |= std::uint64_t{1} << best;
            }
            for (std::uint64_t m = mask; m; m &= m - 1)
                free[std::countr_zero(m)] -= share_at(cluster_, s, node, std::countr_zero(m));
            devices[i].push_back(mask);
        }
    }
    if (!tasks) return true;
    for (std::size_t i = 0; i < shapes.size(); ++i)
        for (std::int32_t n = 0; n < counts[i]; ++n)
            tasks->push_back({node, shapes[i], devices[i].empty() ? 0 : devices[i][n]});
    return true;
}

}  // namespace hal
