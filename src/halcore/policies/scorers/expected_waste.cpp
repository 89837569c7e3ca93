// Expected waste: the node, and the device, where the task adds least to what the node's free room is
// expected to lose (waste_value.h). Assumes: the typical tasks resemble what comes, and keep coming. Score:
// gain in steps of 20 milli-GPU, then less CPU left, as 16 + 14 bits of [0, 1]. Which sequences are drawn,
// and how much wide tasks are protected, is chosen at bind time among `rehearsals` candidates: the one whose
// rehearsal (rehearsal.h) on this cluster puts most GPUs to use. Cost: about 7 us for each new (devices,
// CPU), else O(1) a node and different free share; a rehearsal about 0.5 s for 1,200 nodes. Parameters:
// typical ("seen", or counts of requests), coverage (1), rehearsals (6 with counts; else 1: what was seen
// changes too often to rehearse). Nodes of mixed devices are scored as if any device would do. Source:
// rollouts as in Bertsekas & Castanon, "Rollout algorithms for stochastic scheduling", 1999.
#include <algorithm>
#include <bit>
#include <memory>

#include "halcore/policies/devices.h"
#include "halcore/policies/registry.h"
#include "halcore/policies/rehearsal.h"
#include "halcore/policies/scorers/simple_scorer.h"
#include "halcore/policies/typical_source.h"

namespace hal {
namespace {

struct Config {
    TypicalSource source;
    std::int64_t rehearsals;
};

class ExpectedWaste final : public BoundScorer {
  public:
    ExpectedWaste(const Config& config, const Cluster& cluster, std::uint64_t)
        : cluster_(cluster), typical_(config.source, cluster), states_(cluster) {
        nodes_ = cluster.node_count();
        most_cpu_ = std::max<std::int64_t>(cluster.largest(kCpu), 1);
        const auto& tasks = typical_.tasks();
        const bool wide =
            std::any_of(tasks.begin(), tasks.end(), [](const TypicalTask& t) { return t.gpus > 1; });
        const auto make = [&](std::int64_t i) {
            const std::int64_t seed = wide ? i / 2 : i;
            return std::make_unique<WasteValue>(cluster, states_, tasks, seed, wide && i % 2 ? 8 : 20);
        };
        value_ = make(0);
        if (config.rehearsals < 2 || tasks.empty() || cluster.largest_gpus() == 0) return;
        const Rehearsal rehearsal(cluster, tasks);
        std::int64_t most = rehearsal.play(states_, *value_);
        for (std::int64_t i = 1; i < config.rehearsals; ++i) {
            auto other = make(i);
            const std::int64_t used = rehearsal.play(states_, *other);
            if (used > most) most = used, value_ = std::move(other);
        }
    }
    void score(ShapeId shape, std::span<const NodeId> nodes, std::span<double> out) override {
        states_.trim();
        const Shape& s = cluster_.shape(shape);
        for (std::size_t i = 0; i < nodes.size(); ++i) {
            const std::int64_t gain = std::clamp<std::int64_t>(land(s, nodes[i]).gain + 32768, 0, 65535);
            const std::int64_t left = cluster_.free(kCpu, nodes[i]) - s.cpu;
            const std::int64_t tight = 16383 - std::min(left, most_cpu_) * 16383 / most_cpu_;
            out[i] = static_cast<double>(gain << 14 | tight) / 1073741824.0;
        }
    }
    std::uint64_t pick(ShapeId shape, NodeId node, std::uint64_t eligible) override {
        const Shape& s = cluster_.shape(shape);
        const std::int32_t take = s.gpus == 1 && !s.whole() ? land(s, node).free : 0;
        const auto free = cluster_.gpu_free(node);
        for (std::uint64_t m = fitting_devices(cluster_, s, node, eligible); take && m; m &= m - 1) {
            if (free[std::countr_zero(m)] == take) return m & -m;
        }
        return tightest_devices(cluster_, s, node, eligible);
    }
    bool stale() const override {
        const NodeId now = cluster_.node_count();
        return typical_.stale() || 4 * now > 5 * nodes_ || 5 * now < 4 * nodes_;
    }

  private:
    WasteValue::Landing land(const Shape& s, NodeId node) {
        const std::int32_t share = s.gpus ? std::min(share_at(cluster_, s, node, 0), 1000) : 0;
        return value_->land(states_.of(node), cluster_.free(kCpu, node), s.cpu, share, s.gpus);
    }

    const Cluster& cluster_;
    BoundTypical typical_;
    GpuStates states_;
    std::unique_ptr<WasteValue> value_;
    std::uint64_t nodes_;
    std::int64_t most_cpu_;
};

}  // namespace

ScorerPtr make_expected_waste(Params& params) {
    Config config{TypicalSource(params), 0};
    if (!params.find("coverage")) config.source.coverage = 1;
    config.rehearsals = params.integer("rehearsals", config.source.seen ? 1 : 6, 1, 100);
    return std::make_shared<SimpleScorer<ExpectedWaste, Config>>("expected_waste", config, Scope::Node, true);
}

}  // namespace hal
