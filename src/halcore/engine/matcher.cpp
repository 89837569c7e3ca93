#include "halcore/engine/matcher.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace hal {

const Matcher::ClassMatch& Matcher::add(ShapeId shape, ClassId c) {
    if (matches_.size() <= shape) matches_.resize(cluster_.shape_count());
    auto& row = matches_[shape];
    if (row.size() <= c) row.resize(cluster_.classes().size());
    ClassMatch& match = row[c];
    const NodeClass& node_class = cluster_.classes()[c];
    const Shape& s = cluster_.shape(shape);
    match.known = true;
    match.reason = filters::schedulable(node_class);
    if (!match.reason) match.reason = filters::node_selector(node_class, s);
    if (!match.reason) match.reason = filters::taints(node_class, s);
    const Reason gpu = filters::gpu_model(node_class, s, match.eligible);
    if (!match.reason) match.reason = gpu;
    return match;
}

namespace {

// Whether a counter of the node's devices, all being eligible, says that the shape's devices are there.
bool counted(const Shape& s) {
    return s.whole() || (s.gpus == 1 && s.milli > 0);
}

}  // namespace

Matcher::Probe::Probe(Matcher& matcher, ShapeId shape)
    : matcher_(matcher),
      shape_(matcher.cluster_.shape(shape)),
      id_(shape),
      nodes_(matcher.cluster_.state().data()),
      needed_(nullptr),
      cpu_(shape_.cpu),
      memory_(shape_.memory),
      gpus_(shape_.gpus),
      least_(0),
      extended_(!shape_.extended.empty()) {
    const Cluster& cluster = matcher.cluster_;
    if (gpus_ > 0 && counted(shape_)) {
        needed_ = shape_.whole() ? &NodeState::gpu_idle : &NodeState::gpu_max;
        least_ = shape_.whole() ? shape_.gpus : shape_.milli;
    }
    if (matcher.by_class_.size() <= shape || matcher.by_class_[shape].size() < cluster.classes().size())
        matcher.learn(shape);
    classes_ = matcher.by_class_[shape].data();
}

void Matcher::learn(ShapeId shape) {
    if (by_class_.size() <= shape) by_class_.resize(cluster_.shape_count());
    auto& row = by_class_[shape];
    while (row.size() < cluster_.classes().size()) {
        const auto c = static_cast<ClassId>(row.size());
        const ClassMatch& match = match_class(shape, c);
        const bool all =
            std::popcount(match.eligible) == static_cast<int>(cluster_.classes()[c].devices.size());
        row.push_back(match.reason ? kNo : all && counted(cluster_.shape(shape)) ? kAll : kSome);
    }
}

Reason Matcher::check(ShapeId shape, NodeId node) {
    if (!cluster_.present(node)) return {Reason::Code::Absent};
    const ClassMatch& match = match_class(shape, cluster_.class_of(node));
    if (match.reason) return match.reason;
    const Shape& s = cluster_.shape(shape);
    const Reason reason = filters::resources(cluster_, s, node);
    return reason ? reason : filters::gpus(cluster_, s, node, match.eligible);
}

std::int64_t Matcher::capacity_of(ShapeId shape, KindId kind) {
    const NodeKind& k = cluster_.kinds()[kind];
    const ClassMatch& match = match_class(shape, k.node_class);
    if (match.reason) return 0;
    const Shape& s = cluster_.shape(shape);
    std::int64_t tasks = std::numeric_limits<std::int64_t>::max();
    const auto limit = [&](ResourceId r, std::int64_t amount) {
        const std::int64_t have = r < k.capacity.size() ? k.capacity[r] : 0;
        if (amount > 0) tasks = std::min(tasks, have / amount);
    };
    limit(kCpu, s.cpu);
    limit(kMemory, s.memory);
    for (const auto& [r, amount] : s.extended) limit(r, amount);
    if (s.gpus) {
        // A task takes one slot on each of `gpus` different devices; device g has 1000/share slots. The most
        // tasks t is the largest with sum(min(slots_g, t)) >= gpus * t.
        std::vector<std::int64_t> slots;
        for (std::uint64_t m = match.eligible; m; m &= m - 1) {
            const auto& d = cluster_.classes()[k.node_class].devices[std::countr_zero(m)];
            slots.push_back(s.profile != kNoProfile ? partition_table(d.partition).holds(s.profile, 0)
                                                    : 1000 / share_on(s, d));
        }
        const auto holds = [&](std::int64_t t) {
            std::int64_t sum = 0;
            for (const std::int64_t n : slots) sum += std::min(n, t);
            return sum >= s.gpus * t;
        };
        std::int64_t low = 0, high = 1000 * static_cast<std::int64_t>(slots.size());
        while (low < high) {
            const std::int64_t middle = (low + high + 1) / 2;
            if (holds(middle)) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        tasks = std::min(tasks, low);
    }
    return tasks;
}

std::int64_t Matcher::capacity(ShapeId shape) {
    if (capacities_.size() <= shape) capacities_.resize(cluster_.shape_count());
    Capacity& capacity = capacities_[shape];
    if (capacity.structure != cluster_.structure_version()) {
        capacity = {cluster_.structure_version(), 0};
        constexpr std::int64_t kMany = std::numeric_limits<std::int32_t>::max();  // tasks of one job at most
        for (KindId k = 0; k < cluster_.kinds().size() && capacity.tasks < kMany; ++k) {
            if (cluster_.kind_size(k))
                capacity.tasks += cluster_.kind_size(k) * std::min(capacity_of(shape, k), kMany);
        }
    }
    return capacity.tasks;
}

}  // namespace hal
