#pragma once

#include <span>

#include "halcore/policies/params.h"

namespace hal {

/// What a scorer that compares amounts of different resources divides them by: a weight and a scale a
/// resource, the scale being the largest node's capacity unless a number is given.
/// Parameters: weight_cpu, weight_memory, weight_gpu (default 1), scale_cpu, scale_memory (base units),
/// scale_gpu (milli-GPU), 0 for the largest node; steps: truncate scores to 1/steps (0: do not).
struct ScaleParams {
    explicit ScaleParams(Params& params);
    double weight[3];
    std::int64_t scale[3];
    std::int64_t steps;
};

/// The scale on one cluster. Resources that no node has are left out.
class Scale {
  public:
    Scale(const ScaleParams& params, const Cluster& cluster);

    /// For each node: sum over resources of weight * part(free, request, scale) / sum of weights.
    template <class Part>
    void means(ShapeId shape, std::span<const NodeId> nodes, std::span<double> out, Part&& part) const {
        const Shape& s = cluster_.shape(shape);
        const NodeState* const state = cluster_.state().data();
        for (std::size_t i = 0; i < nodes.size(); ++i) {
            const NodeId n = nodes[i];
            const NodeState& node = state[n];
            double sum = 0;
            if (weight_[0] > 0) sum += weight_[0] * part(double(node.free[kCpu]), double(s.cpu), scale_[0]);
            if (weight_[1] > 0)
                sum += weight_[1] * part(double(node.free[kMemory]), double(s.memory), scale_[1]);
            if (weight_[2] > 0)
                sum += weight_[2] * part(double(node.gpu_total), double(gpu_request(s, n)), scale_[2]);
            out[i] = sum / total_;
        }
    }
    /// part(amount of a resource, scale) summed up as in means(), for one node's free amounts or the shape's.
    /// Of the shape a node holds, each step rounds to no more than the node's.
    double mean_free(NodeId n) const {
        const double free[] = {double(cluster_.free(kCpu, n)), double(cluster_.free(kMemory, n)),
                               double(cluster_.gpu_total_free(n))};
        return mean(free);
    }
    double mean_request(ShapeId shape) const;
    /// mean_free() - mean_request() is what means() gives, and from 0 to 1: no node is larger than the scale,
    /// and the shape asks for the same on every node.
    bool plain(ShapeId shape) const;
    std::int64_t steps() const { return params_.steps; }
    /// Into [0, 1], in steps when asked.
    double clip(double score) const;
    bool stale() const;

  private:
    std::int64_t gpu_request(const Shape& s, NodeId node) const {
        return s.milli > 0 || s.gpus == 0 ? std::int64_t{s.gpus} * s.milli : gpu_share(s, node);
    }
    std::int64_t gpu_share(const Shape& s, NodeId node) const;
    void measure(double (&scale)[3]) const;
    bool roomy() const;
    double mean(const double (&amount)[3]) const {
        double sum = 0;
        for (int r = 0; r < 3; ++r)
            if (weight_[r] > 0) sum += weight_[r] * (amount[r] / scale_[r]);
        return sum / total_;
    }

    const Cluster& cluster_;
    ScaleParams params_;
    double weight_[3], scale_[3], total_;
    std::uint64_t structure_;
    bool roomy_;
};

}  // namespace hal
