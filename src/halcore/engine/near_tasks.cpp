#include "halcore/engine/near_tasks.h"

#include "halcore/policies/registry.h"
#include "halcore/policies/scorers/topology_distance.h"

namespace hal {
namespace {

std::int64_t level_distance(const Topology& t, std::int32_t domain) {
    return t.level_distance(t.level(domain));
}

}  // namespace

std::unique_ptr<NearPolicy> split_near(const Policy& policy) {
    if (policy.scope() != Scope::Context || !policy.filters().empty()) return nullptr;
    std::vector<Policy::Part> rest;
    double weight = 0;
    for (const Policy::Part& part : policy.scorers()) {
        if (is_topology_distance(*part.scorer)) {
            weight += part.weight;
        } else if (part.scorer->scope() == Scope::Context) {
            return nullptr;
        } else {
            rest.push_back(part);
        }
    }
    if (weight == 0) return nullptr;
    if (rest.empty()) rest.push_back({make_scorer("first_fit", {}), 1.0}), weight = 1;
    auto found = std::make_unique<NearPolicy>();
    found->rest = std::make_shared<const Policy>(policy.name(), std::move(rest), std::vector<FilterPtr>{},
                                                 policy.seed(), policy.tie_seed());
    found->weight = weight;
    return found;
}

void NearTasks::follow(std::span<const TaskPlace> own, std::vector<std::int32_t>& domains,
                       std::vector<NodeId>& nodes) {
    domains.clear(), nodes.clear();
    for (const auto& [d, count] : below_) domains.push_back(d);
    for (const auto& [n, count] : on_node_) nodes.push_back(n);
    const NodeTree* const tree = cluster_.tree();
    const std::int64_t before = whole_;
    const bool was_empty = on_node_.empty();
    reset();
    if (!tree) return;
    const Topology& t = tree->topology();
    std::int64_t count = 0;
    for (const TaskPlace& task : own) {
        const auto p = tree->position(task.node);
        if (p < 0) continue;
        ++count;
        ++on_node_[task.node];
        for (auto d = t.node_domain(t.node_order()[p]); d > 0; d = t.parent(d)) ++below_[d];
    }
    const std::int64_t farthest = level_distance(t, 0);
    if (count == 0 || farthest == 0) {  // all nodes of the tree are alike
        below_.clear(), on_node_.clear();
    } else {
        whole_ = count * farthest;
    }
    for (const auto& [d, tasks] : below_) domains.push_back(d);
    for (const auto& [n, tasks] : on_node_) nodes.push_back(n);
    if (was_empty != on_node_.empty() || before != whole_) domains.push_back(0);
}

std::int64_t NearTasks::domain_part(std::int32_t domain) const {
    const Topology& t = cluster_.tree()->topology();
    if (domain == 0) return on_node_.empty() ? 1 : 0;
    const auto it = below_.find(domain);
    if (it == below_.end()) return 0;
    return (level_distance(t, t.parent(domain)) - level_distance(t, domain)) * it->second;
}

std::int64_t NearTasks::node_part(NodeId node) const {
    const auto it = on_node_.find(node);
    if (it == on_node_.end()) return 0;
    const NodeTree& tree = *cluster_.tree();
    const Topology& t = tree.topology();
    return level_distance(t, t.node_domain(t.node_order()[tree.position(node)])) * it->second;
}

}  // namespace hal
