#pragma once

#include <vector>

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

    /// sum over resources of weight * part(resource amounts of the node and the request, scaled) / sum of
    /// weights.
    template <class Part>
    double mean(ShapeId shape, NodeId node, Part&& part) const {
        const Shape& s = cluster_.shape(shape);
        double sum = 0;
        if (weight_[0] > 0)
            sum += weight_[0] * part(double(cluster_.free(kCpu, node)), double(s.cpu), scale_[0]);
        if (weight_[1] > 0)
            sum += weight_[1] * part(double(cluster_.free(kMemory, node)), double(s.memory), scale_[1]);
        if (weight_[2] > 0) {
            sum += weight_[2] *
                   part(double(cluster_.gpu_total_free(node)), double(gpu_request(s, node)), scale_[2]);
        }
        return sum / total_;
    }
    /// Into [0, 1], in steps when asked.
    double clip(double score) const;
    bool stale() const;

  private:
    std::int64_t gpu_request(const Shape& s, NodeId node) const;
    void measure(double (&scale)[3]) const;

    const Cluster& cluster_;
    ScaleParams params_;
    double weight_[3], scale_[3], total_;
    std::uint64_t structure_;
};

}  // namespace hal
