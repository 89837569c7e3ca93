#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "halcore/model/cluster.h"

namespace hal {

using StateId = std::uint32_t;

/// The free shares of a node's devices as a multiset, interned with the class: nodes that agree up to the
/// order of their devices share one state, and what is computed for a state is computed once. Only for
/// classes whose devices are all alike (NodeClass::uniform).
class GpuStates {
  public:
    struct Step {
        std::int32_t free;  // of the device taken
        StateId next;
    };
    static constexpr std::size_t kLimit = std::size_t{1} << 20;  // then start anew: bounds the memory

    explicit GpuStates(const Cluster& cluster) : cluster_(cluster) {}

    /// NodeClass::uniform() of the node's class; remembered.
    bool uniform(NodeId node) {
        const ClassId c = cluster_.class_of(node);
        while (uniform_.size() <= c) {
            const auto next = static_cast<ClassId>(uniform_.size());
            uniform_.push_back(cluster_.classes()[next].uniform());
        }
        return uniform_[c];
    }
    /// The state of a node now; remembered until the node changes.
    StateId of(NodeId node) {
        if (node >= nodes_.size()) nodes_.resize(cluster_.node_slots());
        Entry& entry = nodes_[node];
        if (const std::uint64_t stamp = cluster_.changes().stamp(node); entry.stamp != stamp) {
            entry = {stamp, intern(cluster_.class_of(node), cluster_.gpu_free(node))};
        }
        return entry.state;
    }
    /// The state of an empty node of the class.
    StateId empty(ClassId node_class) {
        const std::vector<std::int32_t> free(cluster_.classes()[node_class].devices.size(),
                                             kWholeGpu.value());
        return intern(node_class, free);
    }
    /// The states after giving `milli` of one device, one step for each different free share that holds it.
    /// Valid until a state that is new comes in.
    const std::vector<Step>& share_steps(StateId state, std::int32_t milli);
    /// The state after taking `count` devices with the tightest shares that hold `milli`.
    StateId take(StateId state, std::int32_t milli, int count);

    std::span<const std::int32_t> free(StateId s) const {
        return {values_.data() + info_[s].begin, info_[s].count};
    }
    ClassId class_of(StateId s) const { return info_[s].node_class; }
    std::int32_t total(StateId s) const { return info_[s].total; }
    std::uint32_t size() const { return static_cast<std::uint32_t>(info_.size()); }
    /// Changes when the states were dropped: ids from before mean nothing.
    std::uint32_t generation() const { return generation_; }
    /// Starts anew when full. Call between decisions only.
    void trim();

  private:
    struct Entry {
        std::uint64_t stamp = 0;
        StateId state = 0;
    };
    struct Info {
        ClassId node_class;
        std::uint32_t begin, count;
        std::int32_t total;
    };
    StateId intern(ClassId node_class, std::span<const std::int32_t> free);
    std::uint32_t milli_index(std::int32_t milli);

    const Cluster& cluster_;
    std::vector<std::uint8_t> uniform_;  // by class
    std::vector<Entry> nodes_;
    std::vector<Info> info_;
    std::vector<std::int32_t> values_;  // sorted shares of each state, one after another
    std::unordered_multimap<std::uint64_t, StateId> ids_;
    std::vector<std::uint32_t> milli_index_ = std::vector<std::uint32_t>(1001, UINT32_MAX);
    std::uint32_t milli_count_ = 0;
    std::vector<std::vector<std::vector<Step>>> steps_;  // [state][milli index]
    std::unordered_map<std::uint64_t, StateId> takes_;   // (state, milli, count)
    std::uint32_t generation_ = 0;
};

}  // namespace hal
