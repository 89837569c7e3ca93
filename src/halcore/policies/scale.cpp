#include "halcore/policies/scale.h"

#include <algorithm>
#include <cmath>

namespace hal {

ScaleParams::ScaleParams(Params& params) {
    static constexpr const char* kNames[] = {"cpu", "memory", "gpu"};
    double total = 0;
    for (int r = 0; r < 3; ++r) {
        weight[r] = params.number(std::string("weight_") + kNames[r], 1, 0, 1e6);
        scale[r] = params.integer(std::string("scale_") + kNames[r], 0, 0, kMaxQuantity);
        total += weight[r];
    }
    if (total <= 0) params.refuse("weight_cpu", "and the other weights are all 0; give one that is not");
    steps = params.integer("steps", 0, 0, 1'000'000);
}

void Scale::measure(double (&scale)[3]) const {
    const std::int64_t largest[] = {cluster_.largest(kCpu), cluster_.largest(kMemory),
                                    cluster_.largest_gpus() * kWholeGpu.value()};
    for (int r = 0; r < 3; ++r) scale[r] = double(params_.scale[r] ? params_.scale[r] : largest[r]);
}

Scale::Scale(const ScaleParams& params, const Cluster& cluster)
    : cluster_(cluster), params_(params), total_(0), structure_(cluster.structure_version()), roomy_(false) {
    measure(scale_);
    for (int r = 0; r < 3; ++r) {
        weight_[r] = scale_[r] > 0 ? params.weight[r] : 0;
        total_ += weight_[r];
    }
    if (total_ <= 0) total_ = 1;
    roomy_ = roomy();
}

// No node is larger than the scale.
bool Scale::roomy() const {
    return !(weight_[0] > 0 && double(cluster_.largest(kCpu)) > scale_[0]) &&
           !(weight_[1] > 0 && double(cluster_.largest(kMemory)) > scale_[1]) &&
           !(weight_[2] > 0 && double(cluster_.largest_gpus() * kWholeGpu.value()) > scale_[2]);
}

bool Scale::plain(ShapeId shape) const {
    const Shape& s = cluster_.shape(shape);
    return roomy_ && (s.gpus == 0 || s.milli > 0);
}

double Scale::mean_request(ShapeId shape) const {
    const Shape& s = cluster_.shape(shape);
    const double request[] = {double(s.cpu), double(s.memory), double(std::int64_t{s.gpus} * s.milli)};
    return mean(request);
}

bool Scale::stale() const {
    if (structure_ == cluster_.structure_version()) return false;
    double now[3];
    measure(now);
    return !std::equal(now, now + 3, scale_) || roomy() != roomy_;
}

// Asked for by memory: the share depends on the device.
std::int64_t Scale::gpu_share(const Shape& s, NodeId node) const {
    const auto& devices = cluster_.node_class(node).devices;
    return s.gpus * std::int64_t{share_on(s, devices.empty() ? Device{} : devices[0])};
}

double Scale::clip(double score) const {
    if (params_.steps > 0) score = std::floor(score * double(params_.steps)) / double(params_.steps);
    return std::clamp(score, 0.0, 1.0);
}

}  // namespace hal
