#pragma once

#include <nanobind/stl/shared_ptr.h>

#include <cstdint>
#include <memory>
#include <string>

#include "halcore/model/spec.h"

namespace hal::bindings {

/// A validated shape with a number of its own, by which a cluster finds its interned form without hashing it.
struct ShapeHandle {
    explicit ShapeHandle(ShapeSpec spec);
    ShapeSpec spec;
    std::uint64_t uid;
};

struct JobHandle {
    std::string name;
    std::shared_ptr<ShapeHandle> shape;
    std::int32_t tasks;
    std::int32_t priority;
};

}  // namespace hal::bindings
