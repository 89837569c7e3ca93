// Expected waste: the node, and the device, where the task adds least to what the node's free room is
// expected to lose (waste_value.h). Assumes: the typical tasks resemble what comes, and keep coming. Score:
// gain in steps of 20 milli-GPU, then less CPU left, as 16 + 14 bits of [0, 1]. How eagerly shares open
// devices, how much wide tasks are protected and which sequences are drawn is chosen at bind time among
// `rehearsals` candidates: what puts most GPUs to use in a rehearsal (rehearsal.h) on this cluster. Cost:
// about 2 us for each new (devices, CPU), else O(1) a node and different free share; a rehearsal about 0.1 s
// for 1,200 nodes. Parameters: typical ("seen", or counts of requests), coverage (1), rehearsals (8 with
// counts; else 1: what was seen changes too often to rehearse). Nodes of mixed devices are scored as if any
// device would do. Source: rollouts as in Bertsekas & Castanon, "Rollout algorithms for stochastic
// scheduling", 1999.
#include <algorithm>
#include <bit>

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

constexpr WasteValue::Weights kFirst{0, 20, 20};

// The i-th candidate: the best so far with one thing changed. First what loses most when it is wrong; what
// shares its rollouts comes before other sequences.
WasteValue::Weights candidate(std::int64_t i, WasteValue::Weights best) {
    constexpr std::int64_t kWide[] = {60, 150, 8}, kEager[] = {0, 40, 60, 80};
    if (i <= 3) {
        best.wide = kWide[i - 1];
    } else if (i <= 7) {
        best.eager = kEager[i - 4];
    } else {
        best.seed = static_cast<std::uint64_t>(i) - 7;
    }
    return best;
}

class ExpectedWaste final : public BoundScorer {
  public:
    ExpectedWaste(const Config& config, const Cluster& cluster, std::uint64_t)
        : cluster_(cluster),
          typical_(config.source, cluster),
          states_(cluster),
          value_(cluster, states_, typical_.tasks(), kFirst) {
        nodes_ = cluster.node_count();
        most_cpu_ = std::max<std::int64_t>(cluster.largest(kCpu), 1);
        if (config.rehearsals < 2 || typical_.tasks().empty() || cluster.largest_gpus() == 0) return;
        const Rehearsal rehearsal(cluster, typical_.tasks());
        std::int64_t most = rehearsal.play(states_, value_);
        for (std::int64_t i = 1; i < config.rehearsals; ++i) {
            WasteValue other = value_.with(candidate(i, value_.weights()));
            const std::int64_t used = rehearsal.play(states_, other);
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
        return value_.land(states_.of(node), cluster_.free(kCpu, node), s.cpu, share, s.gpus);
    }

    const Cluster& cluster_;
    BoundTypical typical_;
    GpuStates states_;
    WasteValue value_;
    std::uint64_t nodes_;
    std::int64_t most_cpu_;
};

}  // namespace

ScorerPtr make_expected_waste(Params& params) {
    Config config{TypicalSource(params), 0};
    if (!params.find("coverage")) config.source.coverage = 1;
    config.rehearsals = params.integer("rehearsals", config.source.seen ? 1 : 8, 1, 100);
    return std::make_shared<SimpleScorer<ExpectedWaste, Config>>("expected_waste", config, Scope::Node, true);
}

}  // namespace hal
