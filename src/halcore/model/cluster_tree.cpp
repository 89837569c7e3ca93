#include <utility>

#include "halcore/model/cluster.h"

namespace hal {

void Cluster::set_topology(std::shared_ptr<const Topology> topology, std::vector<std::string> names) {
    std::optional<NodeTree> tree;
    if (topology) {
        tree.emplace(std::move(topology), std::move(names));
        for (NodeId n = 0; n < node_slots(); ++n) tree->attach(n, names_[n]);
    }
    std::swap(tree_, tree);
    ++structure_;
    if (!marked()) return;
    remember([before = std::move(tree)](Cluster& c) {
        c.tree_ = before;
        // Nodes that came meanwhile keep their index when they come again, so they are hung now.
        for (NodeId n = 0; c.tree_ && n < c.node_slots(); ++n) c.tree_->attach(n, c.names_[n]);
        ++c.structure_;
    });
}

}  // namespace hal
