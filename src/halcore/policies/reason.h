#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "halcore/model/cluster.h"

namespace hal {

/// Why a node was rejected: a code, and what it is about (a resource, an index into the shape's lists, …).
struct Reason {
    enum class Code : std::uint16_t {
        None,
        Absent,
        Unschedulable,
        NodeSelector,  // detail: index of the requirement
        Taint,         // detail: index of the taint of the node's class
        GpuModel,      // too few devices of an allowed model and memory, busy or not
        Resource,      // detail: resource id
        GpuIdle,       // too few idle devices
        GpuShare,      // too few devices with the share free
        Custom,        // detail: index of the policy's filter
    };
    Code code = Code::None;
    std::uint32_t detail = 0;

    explicit operator bool() const { return code != Code::None; }
    friend auto operator<=>(const Reason&, const Reason&) = default;
};

/// The reason in words, for people; the same words for the same cause on every node.
std::string describe(Reason reason, const Cluster& cluster, const Shape& shape, NodeId node);

}  // namespace hal
