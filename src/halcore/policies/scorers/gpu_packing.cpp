// GPU packing: fill the devices in use first, then idle devices of nodes in use, then idle nodes.
// Assumes: devices of a node are alike. Score (of 100): a task without GPUs 0; all devices idle: max(33 -
// idle, idle); else the task's devices, most used first: k of them idle: max(50 - k, 33); none idle: max(100
// - (sum of floor(g/10)) / 10, 50) over their free shares g. Cost: O(devices log devices) a node. Source: the
// packing policy of the ATC 2023 GPU study (after Gandiva and Antman).
#include <algorithm>

#include "halcore/policies/devices.h"
#include "halcore/policies/registry.h"
#include "halcore/policies/scorers/simple_scorer.h"

namespace hal {
namespace {

class GpuPacking final : public BoundScorer {
  public:
    GpuPacking(int, const Cluster& cluster, std::uint64_t) : cluster_(cluster) {}
    void score(ShapeId shape, std::span<const NodeId> nodes, std::span<double> out) override {
        const Shape& s = cluster_.shape(shape);
        for (std::size_t i = 0; i < nodes.size(); ++i) out[i] = s.gpus ? points(s, nodes[i]) / 100.0 : 0.0;
    }

  private:
    int points(const Shape& s, NodeId node) const {
        const int idle = cluster_.gpu_idle(node);
        if (idle == cluster_.gpu_count(node)) return std::max(33 - idle, std::min(idle, 100));
        std::int32_t fitting[kMaxGpusPerNode];
        int count = 0;
        const auto free = cluster_.gpu_free(node);
        for (std::size_t g = 0; g < free.size(); ++g) {
            if (free[g] >= share_at(cluster_, s, node, static_cast<int>(g))) fitting[count++] = free[g];
        }
        std::sort(fitting, fitting + count);
        int fresh = 0, tenths = 0;
        for (int g = 0; g < std::min(s.gpus, count); ++g) {
            fresh += fitting[g] == kWholeGpu.value();
            tenths += fitting[g] / 10;
        }
        return fresh > 0 ? std::max(50 - fresh, 33) : std::max(100 - tenths / 10, 50);
    }

    const Cluster& cluster_;
};

}  // namespace

ScorerPtr make_gpu_packing(Params&) {
    return std::make_shared<SimpleScorer<GpuPacking, int>>("gpu_packing", 0);
}

}  // namespace hal
