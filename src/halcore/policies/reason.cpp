#include "halcore/policies/reason.h"

namespace hal {

std::string describe(Reason reason, const Cluster& cluster, const Shape& shape, NodeId node) {
    switch (reason.code) {
        case Reason::Code::None:
            return "fits";
        case Reason::Code::Absent:
            return "node was removed";
        case Reason::Code::Unschedulable:
            return "node is unschedulable";
        case Reason::Code::NodeSelector:
            return "node selector: label '" + shape.spec.selector[reason.detail].key + "' does not match";
        case Reason::Code::Taint: {
            const Taint& taint = cluster.node_class(node).taints[reason.detail];
            return "untolerated taint '" + taint.key + (taint.value.empty() ? "" : "=" + taint.value) + "'";
        }
        case Reason::Code::GpuModel:
            if (shape.profile != kNoProfile) {
                return "no GPU offers the profile '" + profile_name(shape.profile) + "'";
            }
            if (!shape.any_model) return "too few GPUs of an allowed model";
            return shape.gpu_memory > 0 ? "too few GPUs with the memory asked for" : "too few GPUs";
        case Reason::Code::Resource:
            return "insufficient " + cluster.resources().name(reason.detail);
        case Reason::Code::GpuIdle:
            return "too few idle GPUs";
        case Reason::Code::GpuShare:
            return shape.profile != kNoProfile
                       ? "no GPU has room for the profile '" + profile_name(shape.profile) + "'"
                       : "too few GPUs with the share free";
        case Reason::Code::Custom:
            return "filter of the policy";
    }
    return "unknown";
}

}  // namespace hal
