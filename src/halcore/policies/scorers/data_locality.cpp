// Data locality: the node that the task's inputs reach soonest (or cheapest).
// Assumes: each node reads through one cache; a missing input is pulled from its nearest source, one input
// after another (nearest_source.h). Inputs that no cache holds tell nodes apart no better than none.
// Score: (T_worst - T(cache of the node)) / T_worst, T the sum over the inputs of transfer time (or cost) and
// T_worst the largest over the caches of all nodes: the share of it that the node saves. All equal: 1. A node
// without a cache: 0. Cost: O(caches of nodes * inputs) for the first task of a shape, then one load a node;
// anew when the contents have changed.
// Source: delay scheduling's locality levels (Zaharia et al., EuroSys 2010) with seconds instead of levels.
#include "halcore/policies/scorers/data_locality.h"

#include <algorithm>
#include <mutex>

#include "halcore/model/nearest_source.h"
#include "halcore/policies/scorers/simple_scorer.h"

namespace hal {
namespace {

class DataLocality final : public BoundScorer {
  public:
    DataLocality(const DataLocalityConfig& config, const Cluster& cluster, std::uint64_t)
        : cluster_(cluster),
          content_(config.content),
          money_(config.money),
          structure_(cluster.structure_version()),
          cache_(cluster.node_slots(), -1),
          used_(content_->map.tree().size(), 0) {
        for (NodeId n = 0; n < cluster.node_slots(); ++n) {
            if (!cluster.present(n)) continue;
            const auto named = config.by_name.find(cluster.name(n));
            if (named != config.by_name.end()) {
                cache_[n] = named->second;
            } else if (n < config.by_index.size()) {
                cache_[n] = config.by_index[n];
            }
            if (cache_[n] >= 0) used_[cache_[n]] = 1;
        }
        const std::shared_lock lock(content_->mutex);
        version_ = content_->map.version();
    }

    void score(ShapeId shape, std::span<const NodeId> nodes, std::span<double> out) override {
        const std::vector<double>& saved = saved_share(shape);
        const bool inputs = !cluster_.shape(shape).spec.inputs.empty();
        for (std::size_t i = 0; i < nodes.size(); ++i) {
            const CacheIndex cache = cache_[nodes[i]];
            out[i] = !inputs ? 1 : cache < 0 ? 0 : saved[cache];
        }
    }
    bool stale() const override {
        if (structure_ != cluster_.structure_version()) return true;
        const std::shared_lock lock(content_->mutex);
        return version_ != content_->map.version();
    }

  private:
    const std::vector<double>& saved_share(ShapeId shape) {
        if (tables_.size() <= shape) tables_.resize(cluster_.shape_count());
        std::vector<double>& table = tables_[shape];
        const std::vector<std::string>& inputs = cluster_.shape(shape).spec.inputs;
        if (!table.empty() || inputs.empty()) return table;
        table.assign(used_.size(), 0);
        const std::shared_lock lock(content_->mutex);
        for (const std::string& name : inputs) {
            const DatasetId dataset = content_->map.find(name);
            if (dataset < 0 || content_->map.holders(dataset).empty()) continue;
            for (std::size_t c = 0; c < table.size(); ++c) {
                if (!used_[c]) continue;
                const Transfer t = nearest_source(content_->map, dataset, static_cast<CacheIndex>(c));
                table[c] += static_cast<double>(money_ ? t.cost : t.micros);
            }
        }
        const double worst = *std::max_element(table.begin(), table.end());
        for (double& value : table) value = worst > 0 ? (worst - value) / worst : 1;
        return table;
    }

    const Cluster& cluster_;
    std::shared_ptr<const SharedContent> content_;
    bool money_;
    std::uint64_t structure_, version_ = 0;
    std::vector<CacheIndex> cache_;            // by node
    std::vector<std::uint8_t> used_;           // by cache: some node reads there
    std::vector<std::vector<double>> tables_;  // by shape, by cache
};

}  // namespace

ScorerPtr make_data_locality(DataLocalityConfig config) {
    return std::make_shared<SimpleScorer<DataLocality, DataLocalityConfig>>(
        "data_locality", std::move(config), Scope::Identity);
}

}  // namespace hal
