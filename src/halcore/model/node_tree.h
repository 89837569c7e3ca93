#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "halcore/model/topology.h"

namespace hal {

/// A topology with the nodes of one cluster hung into it by name. Positions are those of
/// Topology::node_order. Names without a node wait for it; nodes without a name stay outside.
class NodeTree {
  public:
    /// `names` by topology node. InvalidModel unless there is one a node.
    NodeTree(std::shared_ptr<const Topology> topology, std::vector<std::string> names);

    /// A node of the cluster appears, or is found under its name when the tree is set.
    void attach(std::uint32_t node, const std::string& name);

    const Topology& topology() const { return *topology_; }
    /// Where a node of the cluster hangs, or -1 outside of the tree.
    std::int32_t position(std::uint32_t node) const { return node < position_.size() ? position_[node] : -1; }
    /// The cluster's node at a position, or UINT32_MAX where none has come yet.
    std::uint32_t node(std::int32_t position) const { return node_[position]; }

  private:
    std::shared_ptr<const Topology> topology_;
    std::vector<std::int32_t> position_;
    std::vector<std::uint32_t> node_;
    std::unordered_map<std::string, std::int32_t> waiting_;  // positions; looked up only
};

}  // namespace hal
