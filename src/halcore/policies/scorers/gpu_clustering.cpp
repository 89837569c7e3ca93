// GPU clustering: put tasks of one GPU class (a share, one device, two, …) together.
// Assumes: tasks of one class leave devices that the next of the class can use. Score (of 100): a task
// without GPUs 0; else floor(25 (scale - R) / scale), R the free share, plus 75 when the node hosts this
// class only, 50 when it hosts it among others, 25 when it hosts no GPU task. Cost: O(classes) a node.
// Source: the clustering policy of the ATC 2023 GPU study (after Gandiva); scale there: 8 devices.
#include <algorithm>

#include "halcore/policies/registry.h"
#include "halcore/policies/scorers/simple_scorer.h"

namespace hal {
namespace {

class GpuClustering final : public BoundScorer {
  public:
    GpuClustering(std::int64_t scale, const Cluster& cluster, std::uint64_t)
        : cluster_(cluster), given_(scale) {
        scale_ = measure();
    }
    void score(ShapeId shape, std::span<const NodeId> nodes, std::span<double> out) override {
        const Shape& s = cluster_.shape(shape);
        for (std::size_t i = 0; i < nodes.size(); ++i) out[i] = s.gpus ? points(s, nodes[i]) / 100.0 : 0.0;
    }
    bool stale() const override { return measure() != scale_; }

  private:
    double points(const Shape& s, NodeId node) const {
        const auto free = std::min<std::int64_t>(cluster_.gpu_total_free(node), scale_);
        const std::int64_t base = 25 * (scale_ - free) / scale_;
        const auto counts = cluster_.class_counts(node);
        bool own = false, others = false;
        for (int c = Shape::kFirstGpuClass; c < Shape::kTaskClasses; ++c)
            (c == s.task_class ? own : others) |= counts[c] > 0;
        return double(base + (own ? (others ? 50 : 75) : (others ? 0 : 25)));
    }
    std::int64_t measure() const {
        return given_ ? given_ : std::max<std::int64_t>(cluster_.largest_gpus(), 1) * kWholeGpu.value();
    }

    const Cluster& cluster_;
    std::int64_t given_, scale_;
};

}  // namespace

ScorerPtr make_gpu_clustering(Params& params) {
    const std::int64_t scale = params.integer("scale_gpu", 0, 0, kMaxQuantity);
    return std::make_shared<SimpleScorer<GpuClustering, std::int64_t>>("gpu_clustering", scale);
}

}  // namespace hal
