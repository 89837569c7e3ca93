#include "halcore/engine/lack.h"

#include <algorithm>
#include <bit>

#include "halcore/policies/devices.h"

namespace hal {
namespace {

constexpr std::int32_t kWhole = 1000;  // milli-GPU

}  // namespace

void Lack::add(const std::string& resource, std::int64_t lacking, std::int64_t asked) {
    if (lacking <= 0) return;
    amounts.emplace_back(resource, lacking);
    relative += static_cast<double>(lacking) / static_cast<double>(asked);
}

std::int64_t LackBook::have(ResourceId r, NodeId n) const {
    const std::int64_t amount = of_capacity_ ? cluster_.capacity(r, n) : cluster_.free(r, n);
    const Taken* const t = taken(n);
    return t ? amount - t->amounts[r] : amount;
}

// Devices of the node with the share free, in order. Instances ask nearest_instance().
std::vector<int> LackBook::fitting(const Shape& s, NodeId n) const {
    std::vector<int> found;
    if (s.profile != kNoProfile) return found;
    const Taken* const t = taken(n);
    const std::uint64_t eligible = eligible_devices(cluster_, s, n);
    const std::uint64_t fits = of_capacity_ ? eligible : fitting_devices(cluster_, s, n, eligible);
    for (std::uint64_t m = fits; m; m &= m - 1) {
        const int g = std::countr_zero(m);
        const std::int32_t free = of_capacity_ ? kWhole : cluster_.gpu_free(n)[g];
        if (!t || free - t->milli[g] >= share_at(cluster_, s, n, g)) found.push_back(g);
    }
    return found;
}

// Of the devices that the node was given, those with the share free. What a share by memory is of them is not
// known, so it takes one whole.
std::vector<std::size_t> LackBook::given(const Shape& s, NodeId n) const {
    std::vector<std::size_t> found;
    if (const Taken* const t = taken(n)) {
        for (std::size_t g = 0; g < t->given.size(); ++g)
            if (t->given[g] >= (s.milli > 0 ? s.milli : kWhole)) found.push_back(g);
    }
    return found;
}

// Where the fewest occupied memory slices would have to be free for an instance; no device when the node
// offers none.
LackBook::Instance LackBook::nearest_instance(const Shape& s, NodeId n) const {
    Instance nearest;
    const Taken* const t = taken(n);
    for (std::uint64_t m = eligible_devices(cluster_, s, n); m; m &= m - 1) {
        const int g = std::countr_zero(m);
        const ProfileLayout& layout = layout_on(s, cluster_.node_class(n).devices[g]);
        const unsigned granted = t ? t->slices[g] : 0u;
        const Slices busy = static_cast<Slices>((of_capacity_ ? 0u : cluster_.gpu_slices(n)[g]) | granted);
        for (int start = 0; start < kSlices; ++start) {
            if (!layout.may_start(start) || (granted & layout.taken_from(start))) continue;
            const int in_the_way = std::popcount(static_cast<unsigned>(busy & layout.taken_from(start)));
            if (in_the_way < nearest.busy) nearest = {g, start, in_the_way};
        }
    }
    return nearest;
}

Lack LackBook::lack(const Shape& s, NodeId n) const {
    Lack lack;
    const auto need = [&](ResourceId r, std::int64_t amount) {
        if (amount > 0) lack.add(cluster_.resources().name(r), amount - have(r, n), amount);
    };
    need(kCpu, s.cpu);
    need(kMemory, s.memory);
    for (const auto& [r, amount] : s.extended) need(r, amount);
    if (s.gpus == 0) return lack;
    if (s.profile != kNoProfile) {
        if (const Instance nearest = nearest_instance(s, n); nearest.device >= 0) {
            lack.add("gpu slice", nearest.busy, kSlices);
            return lack;
        }
    }
    const auto devices = static_cast<std::int64_t>(fitting(s, n).size() + given(s, n).size());
    lack.add("gpu", s.gpus - devices, s.gpus);
    return lack;
}

void LackBook::grant(const Shape& s, NodeId n) {
    const auto [it, is_new] = taken_.try_emplace(n);
    Taken& t = it->second;
    if (is_new) {
        const std::size_t devices = cluster_.node_class(n).devices.size();
        t = {std::vector<std::int64_t>(cluster_.resource_count(), 0),
             std::vector<std::int32_t>(devices, 0),
             std::vector<Slices>(devices, 0),
             {}};
    }
    const auto take = [&](ResourceId r, std::int64_t amount) {
        t.amounts[r] += std::min(amount, std::max<std::int64_t>(0, have(r, n)));
    };
    take(kCpu, s.cpu);
    take(kMemory, s.memory);
    for (const auto& [r, amount] : s.extended) take(r, amount);
    if (s.gpus == 0) return;
    if (s.profile != kNoProfile) {
        if (const Instance nearest = nearest_instance(s, n); nearest.device >= 0) {
            const ProfileLayout& layout =
                layout_on(s, cluster_.node_class(n).devices[static_cast<std::size_t>(nearest.device)]);
            t.slices[nearest.device] |= layout.taken_from(nearest.start);
            return;
        }
    }
    std::int32_t left = s.gpus;
    for (const int g : fitting(s, n))
        if (left > 0) t.milli[g] += share_at(cluster_, s, n, g), --left;
    const std::int32_t share = s.milli > 0 ? s.milli : kWhole;
    for (const std::size_t g : given(s, n))
        if (left > 0) t.given[g] -= share, --left;
    for (; left > 0; --left) t.given.push_back(kWhole - share);
}

}  // namespace hal
