// Pack-spread: one knob p from pack (0) to spread (1). A node is best when the task fills its fullest
// resource to the level 1 - p: below it fuller nodes win, above it emptier ones. p = 0 packs every node to
// the brim, p = 1 always takes the least loaded node, and between them nodes are filled to a level that
// moves continuously with p. `spread` is p = 1.
// Assumes: the fullest resource is what crowds a node. Score: 1 - |u - (1 - p)|, u = max_r used_r /
// capacity_r after the task over CPU, memory and GPU share. Cost: O(1) a node. Source: this project (the HAL
// pack <-> spread knob).
#include <algorithm>
#include <cmath>

#include "halcore/policies/registry.h"
#include "halcore/policies/scorers/simple_scorer.h"

namespace hal {
namespace {

class PackSpread final : public BoundScorer {
  public:
    PackSpread(double p, const Cluster& cluster, std::uint64_t) : cluster_(cluster), level_(1 - p) {}
    void score(ShapeId shape, std::span<const NodeId> nodes, std::span<double> out) override {
        const Shape& s = cluster_.shape(shape);
        const NodeState* const state = cluster_.state().data();
        const std::int64_t* const cpus = cluster_.capacity_column(kCpu).data();
        const std::int64_t* const memories = cluster_.capacity_column(kMemory).data();
        const bool by_device = s.gpus && s.milli == 0;
        for (std::size_t i = 0; i < nodes.size(); ++i) {
            const NodeId n = nodes[i];
            const NodeState& node = state[n];
            double fullest = 0;
            const auto see = [&](std::int64_t free, std::int64_t request, std::int64_t capacity) {
                if (capacity > 0)
                    fullest = std::max(fullest, double(capacity - free + request) / double(capacity));
            };
            see(node.free[kCpu], s.cpu, cpus[n]);
            see(node.free[kMemory], s.memory, memories[n]);
            const std::int32_t share = by_device ? share_on(s, cluster_.node_class(n).devices[0]) : s.milli;
            see(node.gpu_total, std::int64_t{s.gpus} * share, 1000 * std::int64_t{node.gpu_count});
            out[i] = std::clamp(1 - std::abs(fullest - level_), 0.0, 1.0);
        }
    }

  private:
    const Cluster& cluster_;
    double level_;
};

}  // namespace

ScorerPtr make_pack_spread(Params& params) {
    const double p = params.number("p", 0.5, 0, 1);
    return std::make_shared<SimpleScorer<PackSpread, double>>("pack_spread", p);
}
ScorerPtr make_spread(Params&) {
    return std::make_shared<SimpleScorer<PackSpread, double>>("spread", 1.0);
}

}  // namespace hal
