// Dot product: the node whose free resources point least along the request, so that what is plentiful
// is kept for tasks that need it.
// Score: 1 - sum_r w_r (free_r / scale_r)(request_r / scale_r) / sum_r w_r over CPU, memory and GPU share.
// Cost: O(1) a node. Source: Tetris (SIGCOMM 2014) as configured in the ATC 2023 GPU study.
#include "halcore/policies/registry.h"
#include "halcore/policies/scale.h"
#include "halcore/policies/scorers/simple_scorer.h"

namespace hal {
namespace {

class DotProduct final : public BoundScorer {
  public:
    DotProduct(const ScaleParams& params, const Cluster& cluster, std::uint64_t) : scale_(params, cluster) {}
    void score(ShapeId shape, std::span<const NodeId> nodes, std::span<double> out) override {
        scale_.means(shape, nodes, out, [](double free, double request, double scale) {
            return (free / scale) * (request / scale);
        });
        for (double& score : out) score = scale_.clip(1 - score);
    }
    bool stale() const override { return scale_.stale(); }

  private:
    Scale scale_;
};

}  // namespace

ScorerPtr make_dot_product(Params& params) {
    return std::make_shared<SimpleScorer<DotProduct, ScaleParams>>("dot_product", ScaleParams(params));
}

}  // namespace hal
