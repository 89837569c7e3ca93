#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "halcore/model/quantity.h"

// What a caller hands in: plain values with strings. The cluster interns them once, at its door.
namespace hal {

using Label = std::pair<std::string, std::string>;

enum class Effect : std::uint8_t { NoSchedule, PreferNoSchedule, NoExecute };
struct Taint {
    std::string key, value;
    Effect effect = Effect::NoSchedule;
    friend auto operator<=>(const Taint&, const Taint&) = default;
};

/// Tolerates a taint of this key (empty: any) and value (exists: any), for one effect or all of them.
struct Toleration {
    std::string key, value;
    bool exists = false;
    bool any_effect = true;
    Effect effect = Effect::NoSchedule;
    friend auto operator<=>(const Toleration&, const Toleration&) = default;
};

enum class SelectorOp : std::uint8_t { In, NotIn, Exists, DoesNotExist, Gt, Lt };
struct Requirement {
    std::string key;
    SelectorOp op = SelectorOp::In;
    std::vector<std::string> values;
    friend auto operator<=>(const Requirement&, const Requirement&) = default;
};

struct GpuSpec {
    std::string model;
    MiB memory;
    std::int32_t domain = 0;  // devices of one NVLink or NUMA domain share the number
    std::string partitions =
        "";  // name of the table by which it may be partitioned (partition.h); empty: never
    friend auto operator<=>(const GpuSpec&, const GpuSpec&) = default;
};

using Amounts = std::vector<std::pair<std::string, std::int64_t>>;  // extended resources by name

struct NodeSpec {
    std::string name;
    MilliCpu cpu;
    MiB memory;
    std::vector<GpuSpec> gpus;
    Amounts extended;
    std::vector<Label> labels;
    std::vector<Taint> taints;
    bool schedulable = true;
};

/// What one task asks for. Equal specs are one shape: they share scores and an index.
struct ShapeSpec {
    MilliCpu cpu;
    MiB memory;
    std::int32_t gpus = 0;
    MilliGpu gpu_milli;  // of each of `gpus` devices; kWholeGpu asks for idle ones
    MiB gpu_memory;      // least memory of a whole device, or (gpu_milli 0) the share that holds it
    std::vector<std::string> gpu_models;  // empty: any
    std::string gpu_profile;              // one GPU instance of this profile, instead of a share
    Amounts extended;
    std::vector<Requirement> selector;  // all must hold
    std::vector<Toleration> tolerations;
    std::vector<std::string> inputs;  // datasets it reads
    friend auto operator<=>(const ShapeSpec&, const ShapeSpec&) = default;
};

/// Throw InvalidModel naming the field and the value; sort what has no order.
void validate(NodeSpec& spec);
void validate(ShapeSpec& spec);
void validate_selector(std::vector<Requirement>& selector);
std::size_t hash_value(const ShapeSpec& spec);

}  // namespace hal
