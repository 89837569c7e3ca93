#pragma once

#include <utility>
#include <vector>

#include "halcore/model/cluster.h"

namespace hal {

/// The rank of a node among equals: ties go to the lower rank. Without a seed (0) that is the node's index;
/// with one, a fixed shuffle of it (a bijection on 32 bits).
std::uint32_t tie_rank(NodeId node, std::uint64_t seed);

/// What an index has entries for. A node that runs something is a slot of its own; all empty nodes of one
/// kind share a slot, represented by the one of the lowest rank. So an index is as large as what runs, and
/// a cluster of a million equal empty nodes is one slot. Unless scores tell equal nodes apart (`shared`
/// false): then each node is a slot.
class Slots {
  public:
    Slots(const Cluster& cluster, std::uint64_t tie_seed, bool shared)
        : cluster_(cluster), tie_seed_(tie_seed), shared_(shared) {}

    /// Follows the changes of the cluster. O(nodes changed), plus O(log) for each that becomes empty or busy.
    void sync();
    const ChangeList& changes() const { return changes_; }
    std::uint32_t size() const { return static_cast<std::uint32_t>(node_.size()); }
    NodeId node(std::uint32_t slot) const { return node_[slot]; }  // kNoNode: unused
    std::uint32_t rank(NodeId node) const { return tie_seed_ ? tie_rank(node, tie_seed_) : node; }

  private:
    static constexpr std::uint32_t kNone = UINT32_MAX;
    struct Group {
        std::uint32_t slot = kNone;
        bool dirty = false;
        /// Nodes that were empty at the first sync, in the order of their ranks, where that is their own; the
        /// first `gone` of them are not in the group now.
        std::vector<NodeId> run;
        std::size_t gone = 0;
        std::vector<std::pair<std::uint32_t, NodeId>>
            heap;  // others, (rank, node), least first; stale entries stay
    };
    void visit(NodeId n);
    void join(NodeId n, KindId kind);
    void leave(NodeId n);
    void soil(KindId kind);
    void settle(Group& group, KindId kind);
    NodeId first(Group& group, KindId kind);
    void fetch(const Group& group) const;
    std::uint32_t new_slot(NodeId n);

    const Cluster& cluster_;
    const std::uint64_t tie_seed_;
    const bool shared_;
    std::uint64_t seen_ = 0;  // the cluster's clock at the last sync
    std::vector<NodeId> node_;
    std::vector<std::uint32_t> unused_;
    struct Home {
        std::uint32_t slot = kNone;  // its own
        KindId group = kNone;        // the kind whose group it is in
    };
    std::vector<Home> home_;     // by node
    std::vector<Group> groups_;  // by kind
    std::vector<KindId> dirty_;
    ChangeList changes_;
};

}  // namespace hal
