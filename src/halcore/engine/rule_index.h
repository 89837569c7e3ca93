#pragma once

#include <span>
#include <string>
#include <vector>

#include "halcore/engine/bound_policy.h"
#include "halcore/engine/near_tasks.h"
#include "halcore/engine/rule_ledger.h"

namespace hal {

/// The best node for jobs of one shape and traits under one policy, where rules towards other jobs bind them.
///
/// A tournament tree in the form of the topology: nodes at the bottom with the policy's score, and at each
/// domain a gate that is shut where a must forbids it, and adds what wishes are worth. Counts change a gate,
/// not the nodes behind it, so that a decision costs O(changes * log nodes) however many nodes a domain has.
/// When the smallest count of a Spread changes, all gates of its level are looked at; that happens once in as
/// many placements as the level has domains. Score: (policy + sum weight * wish) / (1 + sum weight), wishes
/// in [0, 1]: affinity 1 where one runs, anti-affinity 1 / (1 + count), spread 1 / (1 + count - least count).
/// Topology distance is a sum along the tree (NearTasks), which gates add like wishes.
class RuleIndex {
  public:
    /// `near`: the weight of topology distance beside the policy's scores, of 1.
    RuleIndex(const Cluster& cluster, Matcher& matcher, BoundPolicy* policy, const RuleLedger& ledger,
              ShapeId shape, TraitsId traits, double near = 0);

    /// `own`: the tasks of the job that are taken already.
    Choice choose(std::span<const TaskPlace> own);
    /// The same by asking every node: the oracle.
    Choice scan(std::span<const TaskPlace> own);
    /// Why a node that fits is out of bounds; empty: it is not.
    std::string refusal(NodeId node, std::span<const TaskPlace> own);

  private:
    static constexpr std::uint32_t kNoVertex = UINT32_MAX;
    struct Key {
        std::uint64_t value = 0;  // 0: none; else score in steps of 2^-60, and 1
        std::uint32_t rank = 0;   // higher is better
        friend auto operator<=>(const Key&, const Key&) = default;
    };
    struct Even {
        std::vector<std::int32_t> domains;  // in which a task could be
        std::int32_t least = 0;             // count of them
    };
    const std::vector<Constraint>& rules() const { return ledger_.constraints(traits_); }
    /// Follows the ledger, not the nodes; true when the tree was built anew.
    bool prepare();
    void build();
    void measure(std::vector<std::size_t>& moved);
    void follow(std::span<const TaskPlace> own);
    std::uint32_t group(std::vector<std::uint32_t> members);
    bool ask(std::size_t rule, std::int32_t domain, std::uint64_t& bonus) const;  // domain -1: there is none
    bool allows(NodeId node, std::uint64_t& bonus) const;                         // all rules
    bool alone(NodeId node, std::span<const TaskPlace> own) const;
    Key base(NodeId node, double total) const;
    Key through(std::uint32_t vertex, Key key) const;
    Key best_below(std::uint32_t vertex) const;
    void rescore(std::span<const TaskPlace> own);
    void regate(std::uint32_t vertex);

    const Cluster& cluster_;
    Matcher& matcher_;
    BoundPolicy* const policy_;  // null: only asked for refusals
    const RuleLedger& ledger_;
    const ShapeId shape_;
    const TraitsId traits_;
    const double near_weight_;
    bool filled_ = false;  // keys_ are of the tree as it is
    double scale_ = 1;     // 1 / (1 + sum weight)
    NearTasks near_;
    std::uint64_t near_step_ = 0;  // of one part of near_.whole(), in steps of a key

    // Vertices: the nodes, then blocks that keep fan-outs small and domains; the last is the root. A key is
    // 0, or a score above a rank: of the best node below (best_), and that through the vertex's gate (keys_).
    NodeId nodes_count_ = 0;
    std::vector<std::uint32_t> parent_, child_begin_, children_;
    std::vector<std::int32_t> domain_;      // of a vertex, -1: of none
    std::vector<std::uint32_t> vertex_of_;  // by domain
    std::vector<Key> keys_, best_;

    std::vector<Even> even_;           // by rule
    std::vector<std::uint8_t> none_;   // by rule: its counter counts nothing anywhere
    std::vector<std::uint64_t> seen_;  // by rule: the counter's clock
    std::uint64_t synced_ = 0, counted_ = UINT64_MAX;
    std::vector<NodeId> own_;  // nodes kept open for the job at hand, an exclusive one

    std::vector<NodeId> nodes_, fitting_, near_nodes_;  // scratch
    std::vector<std::int32_t> near_domains_;
    std::vector<std::size_t> moved_;
    std::vector<double> totals_;
};

}  // namespace hal
