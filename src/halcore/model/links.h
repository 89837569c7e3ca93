#pragma once

#include <cstdint>
#include <span>

namespace hal {

/// GPU link domains: the part of the topology below a node.
///
/// Each device has a path of link domains inside its node (for example PCIe root › NUMA › NVLink). The model
/// keeps the lowest one as an integer per device: two devices with the same number talk over the fastest
/// link, two with different numbers over a slower one. A node of one NVSwitch has one domain; a node of two
/// sockets without NVLink has two (NUMA); a node of four NVLink pairs has four.
///
/// Chooses `count` of the devices in `free` (bit i = device i; domain[i] its link domain, any integer) that
///   1. touch the fewest domains,
///   2. then leave the fewest free devices behind in the domains touched (best fit),
///   3. then have the lowest indices (the lexicographically smallest sorted list).
/// Returns the mask, or 0 when fewer than `count` are free or `count` < 1. Devices beyond domain.size() are
/// not looked at. Exact. O(devices) when one domain is enough, else O(devices · domains²) at worst, 64 of
/// each.
std::uint64_t choose_devices(std::uint64_t free, std::span<const std::int32_t> domain, int count);

}  // namespace hal
