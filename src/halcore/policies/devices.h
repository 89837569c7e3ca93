#pragma once

#include <bit>
#include <cstdint>

#include "halcore/model/cluster.h"

// Which devices of a node a task may take, and takes.
namespace hal {

/// The share a task takes of device g of the node.
inline std::int32_t share_at(const Cluster& cluster, const Shape& s, NodeId node, int g) {
    return s.milli > 0 ? s.milli : share_on(s, cluster.node_class(node).devices[g]);
}
/// Devices of an allowed model and memory, busy or not.
std::uint64_t eligible_devices(const Cluster& cluster, const Shape& s, NodeId node);
/// Those of them with the share free.
std::uint64_t fitting_devices(const Cluster& cluster, const Shape& s, NodeId node, std::uint64_t eligible);
/// Slices of room (PartitionTable::room) that an instance of the shape's profile would cost device g, and
/// less than a slice for each one that is free, so that of equals the fullest device is the cheapest.
double room_lost(const Cluster& cluster, const Shape& s, NodeId node, int g);
/// For a profile the device that loses the least room; else the `gpus` fitting devices with the least free
/// share, lowest index first among equals. With link domains, whole devices come from as few domains as
/// possible. Precondition: the shape fits.
std::uint64_t tightest_devices(const Cluster& cluster, const Shape& s, NodeId node, std::uint64_t eligible);

}  // namespace hal
