#pragma once

#include <vector>

#include "halcore/policies/filters/filters.h"

namespace hal {

/// The built-in filters over one cluster, with the class-level half remembered: a class and shape are
/// matched once, whatever the number of nodes and decisions.
class Matcher {
  public:
    explicit Matcher(const Cluster& cluster) : cluster_(cluster) {}

    /// The first filter that rejects, or none. Plain: it asks the filters.
    Reason check(ShapeId shape, NodeId node);
    /// The same answer as !check(), from counters where they decide. What the engine's loops use.
    bool fits(ShapeId shape, NodeId node) {
        const ClassMatch& match = match_class(shape, cluster_.class_of(node));
        if (match.reason || !cluster_.present(node)) return false;
        const Shape& s = cluster_.shape(shape);
        if (s.cpu > cluster_.free(kCpu, node) || s.memory > cluster_.free(kMemory, node)) return false;
        if (s.gpus) {
            if (match.whole_class && s.whole()) {
                if (cluster_.gpu_idle(node) < s.gpus) return false;
            } else if (match.whole_class && s.milli > 0 && s.gpus == 1) {
                if (cluster_.gpu_max_free(node) < s.milli) return false;
            } else if (filters::gpus(cluster_, s, node, match.eligible)) {
                return false;
            }
        }
        for (const auto& [resource, amount] : s.extended) {
            if (amount > cluster_.free(resource, node)) return false;
        }
        return true;
    }
    /// Devices of the node that the shape may use, busy or not.
    std::uint64_t eligible(ShapeId shape, NodeId node) {
        return match_class(shape, cluster_.class_of(node)).eligible;
    }
    /// Tasks of the shape that an empty node of the kind holds.
    std::int64_t capacity_of(ShapeId shape, KindId kind);
    /// Tasks of the shape that the cluster would hold if nothing ran. Remembered until its structure changes.
    std::int64_t capacity(ShapeId shape);

  private:
    struct ClassMatch {
        bool known = false;
        bool whole_class = false;  // every device is eligible
        Reason reason;
        std::uint64_t eligible = 0;
    };
    const ClassMatch& match_class(ShapeId shape, ClassId c) {
        if (shape < matches_.size() && c < matches_[shape].size() && matches_[shape][c].known) {
            return matches_[shape][c];
        }
        return add(shape, c);
    }
    const ClassMatch& add(ShapeId shape, ClassId c);

    const Cluster& cluster_;
    std::vector<std::vector<ClassMatch>> matches_;  // [shape][class]
    struct Capacity {
        std::uint64_t structure = UINT64_MAX;
        std::int64_t tasks = 0;
    };
    std::vector<Capacity> capacities_;  // by shape
};

}  // namespace hal
