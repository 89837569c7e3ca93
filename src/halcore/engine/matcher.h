#pragma once

#include <vector>

#include "halcore/policies/filters/filters.h"

namespace hal {

/// The built-in filters over one cluster, with the class-level half remembered: a class and shape are
/// matched once, whatever the number of nodes and decisions.
class Matcher {
  public:
    explicit Matcher(const Cluster& cluster) : cluster_(cluster) {}

    /// What a node class is to a shape: no node of it fits; all its devices are alike to the shape, so a
    /// counter of devices decides; ask the filter.
    enum Match : std::uint8_t { kNo, kAll, kSome };
    /// Remembered. O(1), but for the first time.
    Match match(ShapeId shape, ClassId c) {
        if (by_class_.size() <= shape || by_class_[shape].size() <= c) learn(shape);
        return by_class_[shape][c];
    }

    /// The first filter that rejects, or none. Plain: it asks the filters.
    Reason check(ShapeId shape, NodeId node);
    /// The same answer as !check().
    bool fits(ShapeId shape, NodeId node) { return Probe(*this, shape)(node); }

    /// fits() for many nodes in a row: what does not change between them is looked up once. Valid until the
    /// cluster's structure changes.
    class Probe {
      public:
        Probe(Matcher& matcher, ShapeId shape);
        bool operator()(NodeId n) const {
            const NodeState& node = nodes_[n];
            const Match match = classes_[node.node_class];
            // At once: which of them fails cannot be foreseen.
            if (!((match != kNo) & (node.present != 0) & (cpu_ <= node.free[kCpu]) &
                  (memory_ <= node.free[kMemory])))
                return false;
            if (gpus_ > 0) {
                if (match == kSome) {
                    if (filters::gpus(matcher_.cluster_, shape_, n, matcher_.eligible(id_, n))) return false;
                } else if (node.*needed_ < least_) {
                    return false;
                }
            }
            return !extended_ || !filters::resources(matcher_.cluster_, shape_, n);
        }

      private:
        friend class Matcher;
        Matcher& matcher_;
        const Shape& shape_;
        ShapeId id_;
        const Match* classes_;
        const NodeState* nodes_;
        std::int32_t NodeState::* needed_;  // the counter of devices that decides
        std::int64_t cpu_, memory_;
        std::int32_t gpus_, least_;
        bool extended_;
    };

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
    void learn(ShapeId shape);

    const Cluster& cluster_;
    std::vector<std::vector<ClassMatch>> matches_;  // [shape][class]
    std::vector<std::vector<Match>> by_class_;      // [shape][class]: what a Probe reads
    struct Capacity {
        std::uint64_t structure = UINT64_MAX;
        std::int64_t tasks = 0;
    };
    std::vector<Capacity> capacities_;  // by shape
};

}  // namespace hal
