#pragma once

#include <nanobind/nanobind.h>

// Plans that change nothing until they are applied.
namespace hal::bindings {

void bind_preempt(nanobind::module_& m);
void bind_rebalance(nanobind::module_& m);

}  // namespace hal::bindings
