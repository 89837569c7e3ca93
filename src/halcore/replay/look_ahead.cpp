#include "halcore/replay/look_ahead.h"

#include <algorithm>
#include <cmath>

#include "halcore/engine/transaction.h"
#include "halcore/replay/node_load.h"

namespace hal::replay {

TypicalNode typical_node(const Cluster& cluster) {
    std::vector<std::int64_t> cpu, memory, devices;
    for (NodeId n = 0; n < cluster.node_slots(); ++n) {
        if (!cluster.present(n)) continue;
        cpu.push_back(cluster.capacity(kCpu, n));
        memory.push_back(cluster.capacity(kMemory, n));
        devices.push_back(cluster.gpu_count(n));
    }
    if (cpu.empty()) return {};
    const auto median = [](std::vector<std::int64_t>& values) {
        const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
        std::nth_element(values.begin(), middle, values.end());
        return *middle;
    };
    return {median(cpu), median(memory), static_cast<int>(median(devices)),
            static_cast<std::int64_t>(cpu.size())};
}

LookAhead::LookAhead(Engine& engine, const LoadModel& model) : engine_(engine), model_(model) {
    const Cluster& cluster = engine.cluster();
    nodes_.resize(cluster.node_slots());
    for (NodeId n = 0; n < cluster.node_slots(); ++n) {
        if (!cluster.present(n)) continue;
        nodes_[n] = of(n);
        all_.used += nodes_[n].used;
        all_.work += nodes_[n].work;
        all_.watts += nodes_[n].watts;
    }
}

LoadSums LookAhead::of(NodeId n) const {
    const double load = load_of(engine_.cluster(), n);
    if (load <= 0) return {0, 0, model_.asleep};
    const double crowd = model_.exponent == 2 ? load * load : std::pow(load, model_.exponent);
    return {load, load / (1 + model_.strength * crowd), model_.idle + (1 - model_.idle) * load};
}

LookAhead::Ahead LookAhead::after(const std::shared_ptr<const Policy>& policy, ShapeId shape,
                                  std::int64_t tasks) const {
    Cluster& cluster = engine_.cluster();
    BoundPolicy& bound = engine_.bound(policy);
    const Transaction undone(cluster);
    std::vector<NodeId> touched;
    Ahead ahead{0, all_};
    for (; ahead.placed < tasks; ++ahead.placed) {
        const Choice choice = bound.choose(shape);
        if (choice.node == kNoNode) break;
        cluster.take(cluster.settle({choice.node, shape, bound.pick(shape, choice.node)}));
        touched.push_back(choice.node);
    }
    std::sort(touched.begin(), touched.end());
    touched.erase(std::unique(touched.begin(), touched.end()), touched.end());
    for (const NodeId n : touched) {
        const LoadSums now = of(n);
        ahead.sums.used += now.used - nodes_[n].used;
        ahead.sums.work += now.work - nodes_[n].work;
        ahead.sums.watts += now.watts - nodes_[n].watts;
    }
    return ahead;
}

}  // namespace hal::replay
