#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "halcore/engine/engine.h"

namespace hal::replay {

/// What loads are worth: a node of load u does u / (1 + strength u^exponent) of work for idle + (1 - idle) u
/// of a full node's power, or for `asleep` when it is empty.
struct LoadModel {
    double idle, asleep, strength, exponent;
};

/// Of all nodes together.
struct LoadSums {
    double used = 0, work = 0, watts = 0;
};

/// The medians over the nodes that are there (of two in the middle, the larger). O(nodes).
struct TypicalNode {
    std::int64_t cpu = 0, memory = 0;
    int devices = 0;
    std::int64_t nodes = 0;  // how many there are
};
TypicalNode typical_node(const Cluster& cluster);

/// What would follow of a policy, tried on the cluster itself and undone: no copy is made, and the policy's
/// index is the one that is there already. Cost: O(nodes) to make; after() is `tasks` decisions.
class LookAhead {
  public:
    struct Ahead {
        std::int64_t placed;
        LoadSums sums;
    };
    /// Valid as long as the cluster is as it is now.
    LookAhead(Engine& engine, const LoadModel& model);
    /// The sums after the policy placed up to `tasks` tasks of the shape, until one fits nowhere.
    Ahead after(const std::shared_ptr<const Policy>& policy, ShapeId shape, std::int64_t tasks) const;

  private:
    LoadSums of(NodeId n) const;

    Engine& engine_;
    LoadModel model_;
    std::vector<LoadSums> nodes_;
    LoadSums all_;
};

}  // namespace hal::replay
