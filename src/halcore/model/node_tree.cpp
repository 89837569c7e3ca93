#include "halcore/model/node_tree.h"

#include <utility>

#include "halcore/model/error.h"

namespace hal {

NodeTree::NodeTree(std::shared_ptr<const Topology> topology, std::vector<std::string> names)
    : topology_(std::move(topology)), node_(topology_->n_nodes(), UINT32_MAX) {
    if (names.size() != node_.size())
        throw InvalidModel("topology: " + std::to_string(names.size()) + " names for " +
                           std::to_string(node_.size()) + " nodes; give one each");
    waiting_.reserve(names.size());
    for (std::size_t i = 0; i < names.size(); ++i) {
        const auto [at, fresh] = waiting_.emplace(std::move(names[i]), topology_->node_position()[i]);
        if (!fresh) throw InvalidModel("topology: node '" + at->first + "' is attached twice; give it once");
    }
}

void NodeTree::attach(std::uint32_t node, const std::string& name) {
    const auto found = waiting_.find(name);
    if (found == waiting_.end()) return;
    if (position_.size() <= node) position_.resize(node + 1, -1);
    position_[node] = found->second;
    node_[found->second] = node;
    waiting_.erase(found);
}

}  // namespace hal
