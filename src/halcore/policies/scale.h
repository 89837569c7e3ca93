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
        const std::int64_t* const cpu = cluster_.free_column(kCpu).data();
        const std::int64_t* const memory = cluster_.free_column(kMemory).data();
        const std::int32_t* const gpu = cluster_.gpu_total_column().data();
        for (std::size_t i = 0; i < nodes.size(); ++i) {
            const NodeId n = nodes[i];
            double sum = 0;
            if (weight_[0] > 0) sum += weight_[0] * part(double(cpu[n]), double(s.cpu), scale_[0]);
            if (weight_[1] > 0) sum += weight_[1] * part(double(memory[n]), double(s.memory), scale_[1]);
            if (weight_[2] > 0)
                sum += weight_[2] * part(double(gpu[n]), double(gpu_request(s, n)), scale_[2]);
            out[i] = sum / total_;
        }
    }
    /// Into [0, 1], in steps when asked.
    double clip(double score) const;
    bool stale() const;

  private:
    std::int64_t gpu_request(const Shape& s, NodeId node) const {
        return s.milli > 0 || s.gpus == 0 ? std::int64_t{s.gpus} * s.milli : gpu_share(s, node);
    }
    std::int64_t gpu_share(const Shape& s, NodeId node) const;
    void measure(double (&scale)[3]) const;

    const Cluster& cluster_;
    ScaleParams params_;
    double weight_[3], scale_[3], total_;
    std::uint64_t structure_;
};

}  // namespace hal
