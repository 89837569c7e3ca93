// Price: the node on which the task costs least.
// Assumes: an hour of each node has a price; a task pays for the dominant share of the node that it takes
// (CPU, memory or GPU). Score: 1 - cost / (the highest cost on any present node that is large enough); a node
// without a price: 0. Cost: O(nodes) for the first task of a shape, then O(1) a node. Source: dominant shares
// as in DRF (Ghodsi et al., NSDI 2011).
#include "halcore/policies/scorers/price.h"

#include <algorithm>

#include "halcore/policies/scorers/simple_scorer.h"

namespace hal {
namespace {

class Price final : public BoundScorer {
  public:
    Price(const PriceConfig& config, const Cluster& cluster, std::uint64_t)
        : cluster_(cluster), structure_(cluster.structure_version()), price_(cluster.node_slots(), -1) {
        for (NodeId n = 0; n < cluster.node_slots(); ++n) {
            if (!cluster.present(n)) continue;
            const auto named = config.by_name.find(cluster.name(n));
            if (named != config.by_name.end()) {
                price_[n] = static_cast<double>(named->second);
            } else if (n < config.by_index.size()) {
                price_[n] = static_cast<double>(config.by_index[n]);
            }
        }
    }

    void score(ShapeId shape, std::span<const NodeId> nodes, std::span<double> out) override {
        const Shape& s = cluster_.shape(shape);
        const double worst = highest(shape);
        for (std::size_t i = 0; i < nodes.size(); ++i) {
            const NodeId n = nodes[i];
            out[i] = price_[n] < 0 ? 0 : worst > 0 ? std::clamp(1 - cost(s, n) / worst, 0.0, 1.0) : 1;
        }
    }
    bool stale() const override { return structure_ != cluster_.structure_version(); }

  private:
    double cost(const Shape& s, NodeId n) const { return price_[n] * share(s, n); }
    double share(const Shape& s, NodeId n) const {
        double most = 0;
        const auto take = [&](double amount, double capacity) {
            if (amount > 0) most = std::max(most, capacity > 0 ? amount / capacity : 2);
        };
        take(static_cast<double>(s.cpu), static_cast<double>(cluster_.capacity(kCpu, n)));
        take(static_cast<double>(s.memory), static_cast<double>(cluster_.capacity(kMemory, n)));
        const auto& devices = cluster_.node_class(n).devices;
        const double milli = s.milli > 0 || devices.empty() ? s.milli : share_on(s, devices[0]);
        take(milli * s.gpus, 1000.0 * cluster_.gpu_count(n));
        return most;
    }
    double highest(ShapeId shape) {
        if (highest_.size() <= shape) highest_.resize(cluster_.shape_count(), -1);
        double& worst = highest_[shape];
        if (worst >= 0) return worst;
        worst = 0;
        const Shape& s = cluster_.shape(shape);
        for (NodeId n = 0; n < price_.size(); ++n)
            if (price_[n] >= 0 && share(s, n) <= 1) worst = std::max(worst, cost(s, n));
        return worst;
    }

    const Cluster& cluster_;
    std::uint64_t structure_;
    std::vector<double> price_;    // by node; -1: none
    std::vector<double> highest_;  // by shape; -1: not looked for yet
};

}  // namespace

ScorerPtr make_price(PriceConfig config) {
    return std::make_shared<SimpleScorer<Price, PriceConfig>>("price", std::move(config), Scope::Identity);
}

}  // namespace hal
