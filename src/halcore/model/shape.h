#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "halcore/model/node_class.h"
#include "halcore/model/partition.h"
#include "halcore/model/spec.h"
#include "halcore/model/task_list.h"

namespace hal {

using ResourceId = std::uint32_t;
inline constexpr ResourceId kCpu = 0;
inline constexpr ResourceId kMemory = 1;  // extended resources follow

/// A shape as one cluster knows it: names became ids.
struct Shape {
    ShapeSpec spec;
    std::int64_t cpu = 0, memory = 0;
    std::vector<std::pair<ResourceId, std::int64_t>> extended;
    std::int32_t gpus = 0;
    std::int32_t milli =
        0;  // of each device; 1000 asks for idle ones; 0: take it from the profile or gpu_memory
    ProfileId profile = kNoProfile;  // of the GPU instance asked for
    std::int64_t gpu_memory = 0;     // MiB
    bool any_model = true;
    std::vector<std::uint32_t> models;  // interned, sorted

    bool whole() const { return milli == kWholeGpu.value(); }
    /// Task classes as GPU clustering and the H signal tell them apart: 0 no GPU, 1 share, 2 one, 3 two, … 9
    /// more than seven.
    int gpu_class() const {
        if (gpus == 0) return 0;
        if (!whole()) return 1;
        return gpus > 7 ? kGpuClasses - 1 : gpus + 1;
    }
    static constexpr int kGpuClasses = 10;
};

/// How the device, one that may be partitioned, holds the instance that the shape asks for.
inline const ProfileLayout& layout_on(const Shape& shape, const Device& device) {
    return partition_table(device.partition).layout(shape.profile);
}

/// The share of one device that a task of this shape takes, in milli-GPU; over 1000 when it cannot hold it.
inline std::int32_t share_on(const Shape& shape, const Device& device) {
    if (shape.milli > 0) return shape.milli;
    if (shape.profile != kNoProfile) {
        const int slices = device.partition ? layout_on(shape, device).slices : 0;
        return slices ? slices * kMilliPerSlice : 1001;
    }
    const std::int64_t device_memory = device.memory;
    if (device_memory <= 0 || shape.gpu_memory > device_memory) return 1001;
    return static_cast<std::int32_t>((1000 * shape.gpu_memory + device_memory - 1) / device_memory);
}

}  // namespace hal
