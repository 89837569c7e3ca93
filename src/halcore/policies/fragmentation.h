#pragma once

#include <limits>
#include <vector>

#include "halcore/policies/gpu_states.h"
#include "halcore/policies/typical.h"

namespace hal {

/// Fragmentation of a node: the milli-GPU that the typical tasks cannot use, in expectation.
///
/// For a typical task m = (cpu, milli, gpus, models) of popularity p, on a node with free CPU c, free shares
/// g and R their sum: F_m = R when m needs no GPU, or a model the node lacks, or does not fit; else the sum
/// of the g below milli (and of devices m may not use). F = sum p F_m. Memory is not looked at.
/// Source: Weng et al., USENIX ATC 2023. The sum is taken in the published order, in doubles without
/// contraction: the last bit of F decides ties between nodes, so the published tables need it.
/// Cost: O(tasks * devices) the first time a (devices, CPU rank) is met, then one load.
class Fragmentation {
  public:
    Fragmentation(const Cluster& cluster, std::vector<TypicalTask> tasks);

    /// F of a node of the class with these free shares. Plain: nothing is remembered.
    double compute(ClassId node_class, std::span<const std::int32_t> free, std::int64_t cpu) const;
    /// The same for an interned state; remembered.
    double of(GpuStates& states, StateId state, std::int64_t cpu) {
        const std::size_t row = static_cast<std::size_t>(state) * (thresholds_.size() + 1) + rank(cpu);
        if (generation_ != states.generation()) memo_.clear(), generation_ = states.generation();
        if (row >= memo_.size()) memo_.resize(std::max(2 * row, std::size_t{1024}), kUnknown);
        double& f = memo_[row];
        if (f != f) f = compute(states.class_of(state), states.free(state), cpu);
        return f;
    }
    /// F of a node as it is now.
    double of(GpuStates& states, NodeId node) {
        return cluster_.node_class(node).uniform()
                   ? of(states, states.of(node), cluster_.free(kCpu, node))
                   : compute(cluster_.class_of(node), cluster_.gpu_free(node), cluster_.free(kCpu, node));
    }
    const std::vector<TypicalTask>& tasks() const { return tasks_; }

  private:
    static constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
    std::size_t rank(std::int64_t cpu) const {  // F changes with CPU only where a typical task begins to fit
        return static_cast<std::size_t>(std::upper_bound(thresholds_.begin(), thresholds_.end(), cpu) -
                                        thresholds_.begin());
    }

    const Cluster& cluster_;
    std::vector<TypicalTask> tasks_;
    std::vector<std::int64_t> thresholds_;
    std::vector<double> memo_;
    std::uint32_t generation_ = 0;
};

}  // namespace hal
