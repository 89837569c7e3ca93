#pragma once

#include <algorithm>
#include <bit>
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
    /// Kinds of task as GPU clustering and the H signal tell them apart, by what they ask for most of.
    /// Without GPUs: 0 up to one core, 1 up to two, 2 up to four, … 6 more than 32. With GPUs: 7 a share of
    /// one, 8 one, 9 two, … 15 more than seven.
    int task_class = 0;
    static constexpr int kTaskClasses = 16;
    static constexpr int kFirstGpuClass = 7;

    /// The class by what is asked for, kept when a cluster learns of the shape.
    int find_class() const {
        if (gpus > 0) return kFirstGpuClass + (whole() ? std::min(gpus, 8) : 0);
        const auto cores = static_cast<std::uint64_t>((cpu + 999) / 1000);
        return std::min(static_cast<int>(std::bit_width(cores > 1 ? cores - 1 : 0)), kFirstGpuClass - 1);
    }
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
