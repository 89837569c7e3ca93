#pragma once

#include <array>
#include <cstdint>

namespace hal {

/// What deciding on a node and booking a task on it reads and writes, in one cache line: where nodes are
/// many, each column of its own would be a miss of its own. Columns are views of it with a stride.
struct alignas(64) NodeState {
    std::array<std::int64_t, 2> free{};  // kCpu, kMemory
    std::int64_t gpu_begin = 0;          // of its devices, in the rows of all
    std::int32_t gpu_count = 0;
    std::int32_t gpu_total = 0;  // free milli-GPU
    std::int32_t gpu_idle = 0;   // devices
    std::int32_t gpu_max = 0;    // milli-GPU of the freest device
    std::uint32_t kind = 0, node_class = 0;
    std::uint32_t tasks = 0;
    std::uint8_t present = 0;
};

}  // namespace hal
