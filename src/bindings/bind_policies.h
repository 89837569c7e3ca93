#pragma once

#include <nanobind/nanobind.h>

#include <memory>
#include <string>

#include "halcore/policies/policy.h"

namespace hal::bindings {

struct ScorerHandle {
    ScorerPtr scorer;
};
struct FilterHandle {
    FilterPtr filter;
};
struct PolicyHandle {
    std::shared_ptr<const Policy> policy;
};

/// Units written in Python over numpy columns. They take the GIL for the call.
ScorerHandle python_scorer(std::string name, nanobind::object score, bool own_state);
FilterHandle python_filter(std::string name, nanobind::object keep);

}  // namespace hal::bindings
