// Best fit and worst fit: the node with the least (most) left over after the task.
// Assumes: amounts of different resources compare after division by the largest node's.
// Score: best_fit = 1 - sum_r w_r (free_r - request_r) / scale_r / sum_r w_r over CPU, memory and GPU share;
// worst_fit = 1 - best_fit. Cost: O(1) a node; separable (Separable).
// Source: best fit by remaining resources as in Protean (OSDI 2020) and the ATC 2023 GPU study, which weighs
// CPU and GPU by half, scales by 128 CPUs and 8 GPUs, and truncates to 1/100 (parameters weight_*, scale_*,
// steps).
#include "halcore/policies/registry.h"
#include "halcore/policies/scale.h"
#include "halcore/policies/scorers/simple_scorer.h"
#include "halcore/policies/separable.h"

namespace hal {
namespace {

struct Config {
    ScaleParams scale;
    bool worst;
};

class BestFit final : public BoundScorer, public Separable {
  public:
    BestFit(const Config& config, const Cluster& cluster, std::uint64_t)
        : scale_(config.scale, cluster), worst_(config.worst) {}
    void score(ShapeId shape, std::span<const NodeId> nodes, std::span<double> out) override {
        scale_.means(shape, nodes, out,
                     [](double free, double request, double scale) { return (free - request) / scale; });
        for (double& score : out) score = scale_.clip(worst_ ? score : 1 - score);
    }
    bool stale() const override { return scale_.stale(); }

    // best_fit = (1 + request) - free, worst_fit = (1 - request) - (1 - free), both as weighted means.
    bool separable(ShapeId shape) const override { return scale_.plain(shape); }
    double base(ShapeId shape) const override {
        const double request = scale_.mean_request(shape);
        return worst_ ? 1 - request : 1 + request;
    }
    double cost(NodeId node) const override {
        const double free = scale_.mean_free(node);
        return worst_ ? 1 - free : free;
    }
    std::int64_t truncated() const override { return scale_.steps(); }

  private:
    Scale scale_;
    bool worst_;
};

}  // namespace

ScorerPtr make_best_fit(Params& params) {
    return std::make_shared<SimpleScorer<BestFit, Config>>("best_fit", Config{ScaleParams(params), false});
}
ScorerPtr make_worst_fit(Params& params) {
    return std::make_shared<SimpleScorer<BestFit, Config>>("worst_fit", Config{ScaleParams(params), true});
}

}  // namespace hal
