#pragma once

#include <algorithm>
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
/// Cost: O(tasks + devices) the first time a (devices, CPU rank) is met, then one load.
class Fragmentation {
  public:
    Fragmentation(const Cluster& cluster, std::vector<TypicalTask> tasks);

    /// F of a node of the class with these free shares. Plain: nothing is remembered.
    double compute(ClassId node_class, std::span<const std::int32_t> free, std::int64_t cpu) const;
    /// F changes with CPU only where a typical task begins to fit: at most once a rank.
    std::size_t rank(std::int64_t cpu) const {
        return static_cast<std::size_t>(std::upper_bound(thresholds_.begin(), thresholds_.end(), cpu) -
                                        thresholds_.begin());
    }
    /// The same for an interned state and the rank of the CPU; remembered.
    double of(GpuStates& states, StateId state, std::size_t rank) {
        const std::size_t row = static_cast<std::size_t>(state) * (thresholds_.size() + 1) + rank;
        if (generation_ != states.generation()) memo_.clear(), generation_ = states.generation();
        if (row >= memo_.size()) memo_.resize(std::max(2 * row, std::size_t{1024}), kUnknown);
        double& f = memo_[row];
        if (f != f) f = compute_uniform(states.class_of(state), states.free(state), rank);
        return f;
    }
    /// F of a node as it is now.
    double of(GpuStates& states, NodeId node) {
        return states.uniform(node)
                   ? of(states, states.of(node), rank(cluster_.free(kCpu, node)))
                   : compute(cluster_.class_of(node), cluster_.gpu_free(node), cluster_.free(kCpu, node));
    }
    const std::vector<TypicalTask>& tasks() const { return tasks_; }

  private:
    static constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
    /// A typical task as all nodes of a class with equal devices see it.
    struct Need {
        double p;
        std::uint32_t rank, milli;  // of its CPU among the thresholds, plus 1; of its share among the millis
        std::int32_t gpus;
        bool allowed;
    };
    double compute_uniform(ClassId node_class, std::span<const std::int32_t> sorted_free, std::size_t rank);
    const std::vector<Need>& needs(ClassId node_class);

    const Cluster& cluster_;
    std::vector<TypicalTask> tasks_;
    std::vector<std::int64_t> thresholds_;
    std::vector<std::int32_t> millis_;      // different ones, descending
    std::vector<std::vector<Need>> needs_;  // by class
    struct Room {
        std::int32_t enough;  // devices that hold the share
        std::int64_t usable;  // what is free on them
    };
    std::vector<Room> room_;  // scratch, by milli
    std::vector<double> memo_;
    std::uint32_t generation_ = 0;
};

}  // namespace hal
