// Topology distance: near the tasks of the same job that are placed already.
// Assumes: the cluster has a topology; without one, and for a job's first task, every node is the same.
// Score: 1 - mean distance to those tasks / distance of the root's level; 0 outside of the tree.
// Cost: O(domains) a task placed and O(1) a node. Every node that fits is looked at for each decision, but
// where NearTasks (engine/near_tasks.h) stands in for it.
// Source: mean hop count, as in Slurm's topology/tree and Mache, Lo, "Dispersal metrics", 1996.
#include "halcore/policies/scorers/topology_distance.h"

#include <algorithm>
#include <vector>

#include "halcore/policies/registry.h"
#include "halcore/policies/scorers/simple_scorer.h"

namespace hal {
namespace {

class TopologyDistance final : public BoundScorer {
  public:
    TopologyDistance(int, const Cluster& cluster, std::uint64_t) : cluster_(cluster) {}

    void placed(std::span<const TaskPlace> tasks) override {
        count_ = 0;
        on_node_.clear();
        const NodeTree* tree = cluster_.tree();
        if (!tree || tasks.empty()) return;
        const Topology& t = tree->topology();
        below_.assign(t.n_domains(), 0);
        for (const TaskPlace& task : tasks) {
            const auto p = tree->position(task.node);
            if (p < 0) continue;
            ++count_;
            on_node_.push_back(task.node);
            for (auto d = t.node_domain(t.node_order()[p]); d >= 0; d = t.parent(d)) ++below_[d];
        }
        std::sort(on_node_.begin(), on_node_.end());
        // What a node elsewhere under the domain is away from all of them; a child is nearer to its own.
        away_.resize(t.n_domains());
        away_[0] = level_distance(t, 0) * count_;
        for (std::int32_t d = 1; d < t.n_domains(); ++d) {
            const auto up = t.parent(d);
            away_[d] = away_[up] - (level_distance(t, up) - level_distance(t, d)) * below_[d];
        }
    }

    void score(ShapeId, std::span<const NodeId> nodes, std::span<double> out) override {
        const NodeTree* tree = cluster_.tree();
        const double farthest = tree ? static_cast<double>(level_distance(tree->topology(), 0)) : 0;
        for (std::size_t i = 0; i < nodes.size(); ++i) {
            const auto p = tree ? tree->position(nodes[i]) : 0;
            if (p < 0) {
                out[i] = 0;
                continue;
            }
            out[i] = 1;
            if (count_ == 0 || farthest == 0) continue;
            const Topology& t = tree->topology();
            const auto d = t.node_domain(t.node_order()[p]);
            const auto [first, last] = std::equal_range(on_node_.begin(), on_node_.end(), nodes[i]);
            const auto away = away_[d] - level_distance(t, d) * (last - first);
            out[i] = 1 - static_cast<double>(away) / (static_cast<double>(count_) * farthest);
        }
    }

  private:
    static std::int64_t level_distance(const Topology& t, std::int32_t domain) {
        return t.level_distance(t.level(domain));
    }

    const Cluster& cluster_;
    std::int64_t count_ = 0;
    std::vector<NodeId> on_node_;             // of the tasks, sorted
    std::vector<std::int64_t> below_, away_;  // by domain
};

}  // namespace

using TopologyDistanceScorer = SimpleScorer<TopologyDistance, int>;

ScorerPtr make_topology_distance(Params&) {
    return std::make_shared<TopologyDistanceScorer>("topology_distance", 0, Scope::Context);
}

bool is_topology_distance(const Scorer& scorer) {
    return dynamic_cast<const TopologyDistanceScorer*>(&scorer) != nullptr;
}

}  // namespace hal
