#pragma once

#include <nanobind/nanobind.h>

// One bind_* function a room; module.cpp calls them in the order of their needs.
namespace hal::bindings {

void bind_errors(nanobind::module_& m);
void bind_model(nanobind::module_& m);
void bind_policies(nanobind::module_& m);
void bind_native(nanobind::module_& m);
void bind_queues(nanobind::module_& m);
void bind_cluster(nanobind::module_& m);
void bind_engine(nanobind::module_& m);
void bind_topology(nanobind::module_& m);
void bind_gang(nanobind::module_& m);
void bind_data(nanobind::module_& m);
void bind_energy(nanobind::module_& m);
void bind_replay(nanobind::module_& m);
void bind_node_queue(nanobind::module_& m);
void bind_staging(nanobind::module_& m);
void bind_reserve(nanobind::module_& m);
void bind_signals(nanobind::module_& m);
void bind_simulator(nanobind::module_& m);
void bind_reserve_plan(nanobind::module_& m);

}  // namespace hal::bindings
