#pragma once

#include <memory>
#include <vector>

#include "halcore/engine/matcher.h"
#include "halcore/engine/max_index.h"
#include "halcore/engine/slots.h"
#include "halcore/policies/policy.h"

namespace hal {

class SharedOrder;

/// The best node for one task: none when `node` is kNoNode.
struct Choice {
    NodeId node = kNoNode;
    double score = 0;  // weighted mean of the scores, in steps of 2^-30, the precision totals compare in
};

/// A policy at work on one cluster: the second and third stage of the pipeline (score, select).
///
/// Where all scorers are Separable one index serves every shape: O(log nodes) a decision (SharedOrder). Other
/// scores of Node scope are kept, one index a shape, and only what changed since the shape was last asked for
/// is scored again: O(nodes changed) a decision, however large the cluster. Under scorers or filters of
/// Context scope all nodes that fit are scanned; the answer is the same, and tests hold one against the
/// other.
class BoundPolicy {
  public:
    BoundPolicy(std::shared_ptr<const Policy> policy, const Cluster& cluster, Matcher& matcher);

    ~BoundPolicy();

    Choice choose(ShapeId shape);
    /// Which tasks the job that is being decided has so far, to scorers that look beyond the node.
    void tell(std::span<const TaskPlace> placed) {
        if (policy_->scope() == Scope::Node) return;
        for (const auto& scorer : scorers_) scorer->placed(placed);
    }
    /// The same by a scan of every node: the oracle of choose().
    Choice scan(ShapeId shape);
    /// The devices to take on a node where the shape fits.
    std::uint64_t pick(ShapeId shape, NodeId node);
    /// Weighted mean of the scores, and each score, of nodes where the shape fits. parts may be empty, or
    /// hold scorers x nodes entries.
    void score(ShapeId shape, std::span<const NodeId> nodes, std::span<double> totals,
               std::span<double> parts);
    /// What choose() compares, the greatest best: the total in steps of 2^-30, then the rank among ties. The
    /// first nodes.size() entries of `out`, which never shrinks.
    void keys(ShapeId shape, std::span<const NodeId> nodes, std::vector<std::uint64_t>& out);
    /// Nodes (of all present) that pass every filter, in index order.
    void feasible(ShapeId shape, std::vector<NodeId>& nodes);
    /// 0-based index of the first custom filter that rejects the node, or -1.
    int rejected_by(ShapeId shape, NodeId node);

    const Policy& policy() const { return *policy_; }
    /// A scorer wants to be bound again.
    bool stale() const;
    std::size_t bytes() const;

  private:
    struct ShapeIndex {
        bool built = false;
        std::uint64_t synced = 0;
        MaxIndex keys;  // by slot: score, then rank; 0 where the shape does not fit
        std::vector<std::uint64_t>
            fits;  // by slot, a bit: key is not 0. Most slots end in a look at this alone.
    };
    void build(ShapeId shape, ShapeIndex& index);
    void follow(ShapeId shape, ShapeIndex& index);
    double worth(ShapeId shape, NodeId node);  // the total of one node, in steps
    [[noreturn]] void refuse(std::size_t scorer, NodeId node, double score) const;

    std::shared_ptr<const Policy> policy_;
    const Cluster& cluster_;
    Matcher& matcher_;
    Slots slots_;
    std::vector<std::unique_ptr<BoundScorer>> scorers_;
    std::unique_ptr<SharedOrder> shared_;  // for the shapes that it covers
    std::vector<ShapeIndex> indices_;      // for the others, by shape
    std::size_t bytes_ = 0;

    std::vector<std::uint32_t> changed_;  // scratch
    std::vector<NodeId> nodes_;
    std::vector<std::uint64_t> keys_;
    std::vector<double> totals_, scores_;
};

}  // namespace hal
