#pragma once

#include <memory>
#include <vector>

#include "halcore/engine/order_tree.h"
#include "halcore/engine/shared_score.h"
#include "halcore/engine/slots.h"

namespace hal {

/// One index for all shapes of a policy whose score is a difference (SharedScore): the slots in the order of
/// cost, then rank, each with the shapes that fit there. The best node for a shape is the first slot in that
/// order where it fits; or, where scores are truncated, the one of the lowest rank in the first step.
///
/// Assumes: the cost of a node does not depend on the shape. Cost: a placement moves one entry (O(log
/// nodes)), a decision is one descent (O(log nodes)), whatever the number of shapes; LaneSet::kLanes shapes
/// share a bank, and a bank is caught up when it is asked. O(slots) when a shape comes up that was not
/// interned when its bank was built.
class SharedOrder {
  public:
    struct Found {
        NodeId node = kNoNode;  // kNoNode: the shape fits nowhere
        double score = 0;
    };
    SharedOrder(const Policy& policy, const std::vector<std::unique_ptr<BoundScorer>>& scorers,
                const Cluster& cluster, Matcher& matcher, const Slots& slots)
        : cluster_(cluster), matcher_(matcher), slots_(slots), score_(policy, scorers) {}

    SharedScore& score() { return score_; }
    /// The node of the best score, then the lowest rank. The score covers the shape, and slots are synced.
    /// What a scorer throws changes no answer of later calls.
    Found best(ShapeId shape);
    std::size_t bytes() const;

  private:
    static constexpr std::uint64_t kOut = UINT64_MAX;
    static constexpr int kPatience = 4;  // questions about unknown shapes before a bank is built again

    struct Bank {
        std::unique_ptr<FitLanes> lanes;
        OrderTree tree;
        std::vector<std::uint64_t> keys;  // by slot: cost above rank; kOut: not in the tree, as no shape fits
        std::uint64_t synced = 0;
        int strangers = 0;
    };
    std::uint64_t key(NodeId node) const {
        return std::uint64_t{score_.cost(node)} << 32 | slots_.rank(node);
    }
    void build(Bank& bank, ShapeId begin);
    void follow(Bank& bank);
    static void leave(Bank& bank, std::uint32_t slot);
    void enter(Bank& bank, std::uint32_t slot);
    void better(Found& best, const Found& other) const;
    Found scan(ShapeId shape) const;
    Found best_of_step(const Bank& bank, ShapeId shape, const OrderTree::Entry& first) const;

    const Cluster& cluster_;
    Matcher& matcher_;
    const Slots& slots_;
    SharedScore score_;
    std::vector<std::unique_ptr<Bank>> banks_;
};

}  // namespace hal
