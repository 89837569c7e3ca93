#include "halcore/policies/waste_value.h"

#include <algorithm>
#include <limits>

namespace hal {

WasteValue::WasteValue(const Cluster& cluster, GpuStates& states, const std::vector<TypicalTask>& tasks,
                       Weights weights)
    : cluster_(&cluster),
      states_(&states),
      tasks_(&tasks),
      weights_(weights),
      rollouts_(std::make_shared<Rollouts>(cluster, states, tasks, weights.seed)),
      gpus_(cluster.classes().size()) {
    for (NodeId n = 0; n < cluster.node_slots(); ++n) {
        if (cluster.present(n)) gpus_[cluster.class_of(n)] += cluster.gpu_count(n);
    }
}

WasteValue WasteValue::with(Weights weights) const {
    if (weights.seed != weights_.seed) return {*cluster_, *states_, *tasks_, weights};
    WasteValue other = *this;
    other.weights_ = weights;
    return other;
}

std::int64_t WasteValue::price(ClassId node_class) {
    if (node_class >= prices_.size()) prices_.resize(node_class + 1, -1);
    if (prices_[node_class] >= 0) return prices_[node_class];
    double demand = 0, sum = 0;
    for (const TypicalTask& t : *tasks_) demand += t.p * t.gpus * drawn_milli(t);
    for (const TypicalTask& t : *tasks_) {
        if (t.gpus == 0 || !allowed_on(*cluster_, node_class, t)) continue;
        std::int64_t all = 0, usable = 0;
        for (ClassId c = 0; c < gpus_.size(); ++c) {
            all += gpus_[c];
            if (allowed_on(*cluster_, c, t)) usable += gpus_[c];
        }
        if (usable == 0) continue;
        sum +=
            t.p * t.gpus * drawn_milli(t) / demand * static_cast<double>(all) / static_cast<double>(usable);
    }
    return prices_[node_class] = static_cast<std::int64_t>(std::min(sum, 1024.0) * 1024);
}

WasteValue::Landing WasteValue::land(StateId state, std::int64_t cpu, std::int64_t task_cpu,
                                     std::int32_t milli, int gpus) {
    const std::int64_t before = of(state, cpu);
    const std::int64_t paid = price(states_->class_of(state)) * milli * gpus * kUnit * 2 / 5 / 1024;
    const auto gain = [&](StateId next) {
        const std::int64_t d = before - of(next, cpu - task_cpu) - paid;
        return d >= 0 ? d / kStep : -((kStep - 1 - d) / kStep);
    };
    if (gpus == 0) return {gain(state), state, 0};
    if (gpus > 1 || milli == kWholeGpu.value()) {
        const StateId next = states_->take(state, milli, gpus);
        return {gain(next), next, 0};
    }
    Landing best{std::numeric_limits<std::int64_t>::min(), state, 0};
    for (const GpuStates::Step& step : states_->share_steps(state, milli)) {
        if (const std::int64_t g = gain(step.next); g > best.gain) best = {g, step.next, step.free};
    }
    return best;
}

}  // namespace hal
