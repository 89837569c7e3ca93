#pragma once

#include <nanobind/stl/shared_ptr.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "halcore/model/spec.h"
#include "halcore/model/traits.h"

namespace hal::bindings {

/// A validated shape with a number of its own, by which a cluster finds its interned form without hashing it.
struct ShapeHandle {
    explicit ShapeHandle(ShapeSpec spec);
    ShapeSpec spec;
    std::uint64_t uid;
};

/// A gang as handed in: its roles' shapes are interned by each cluster it meets.
struct GangHandle {
    struct Role {
        std::shared_ptr<ShapeHandle> shape;
        std::int32_t tasks, min_tasks, slice;
        std::string slice_level;
    };
    std::vector<Role> roles;
    std::string required, preferred;
};

/// Validated traits with a number of their own, likewise.
struct TraitsHandle {
    explicit TraitsHandle(TraitsSpec spec);
    TraitsSpec spec;
    std::uint64_t uid;
};

struct JobHandle {
    std::string name;
    std::shared_ptr<ShapeHandle> shape;
    std::int32_t tasks;
    std::int32_t priority;
    std::shared_ptr<GangHandle> gang;      // null: plain tasks
    std::shared_ptr<TraitsHandle> traits;  // null: none
};

}  // namespace hal::bindings
