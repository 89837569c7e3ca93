// A cluster's columns as numpy views: live, without a copy.
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include "bindings.h"
#include "cluster_handle.h"

namespace nb = nanobind;

namespace hal::bindings {
namespace {

template <class T>
nb::object view(const hal::Column<T>& column) {
    auto* const owner = new std::shared_ptr<T[]>(column.share());
    nb::capsule capsule(owner, [](void* p) noexcept { delete static_cast<std::shared_ptr<T[]>*>(p); });
    return nb::cast(nb::ndarray<nb::numpy, const T, nb::ndim<1>>(column.data(), {column.size()}, capsule));
}

/// One field of every node: as live as a column, with a stride.
template <class T, class Field>
nb::object view_field(const Cluster& c, Field&& field) {
    const hal::Column<NodeState>& nodes = c.state();
    static const NodeState none;
    const T* const first = &field(nodes.size() ? nodes[0] : none);
    auto* const owner = new std::shared_ptr<NodeState[]>(nodes.share());
    nb::capsule capsule(owner,
                        [](void* p) noexcept { delete static_cast<std::shared_ptr<NodeState[]>*>(p); });
    return nb::cast(nb::ndarray<nb::numpy, const T, nb::ndim<1>>(first, {nodes.size()}, capsule,
                                                                 {sizeof(NodeState) / sizeof(T)}));
}

}  // namespace

nb::dict cluster_columns(const Cluster& c) {
    nb::dict columns;
    const auto integers = [&](std::int32_t NodeState::* field) {
        return view_field<std::int32_t>(c,
                                        [&](const NodeState& n) -> const std::int32_t& { return n.*field; });
    };
    const auto free = [&](ResourceId r) {
        return view_field<std::int64_t>(c,
                                        [&](const NodeState& n) -> const std::int64_t& { return n.free[r]; });
    };
    columns["free_cpu"] = free(kCpu);
    columns["free_memory"] = free(kMemory);
    columns["capacity_cpu"] = view(c.capacity_column(kCpu));
    columns["capacity_memory"] = view(c.capacity_column(kMemory));
    for (ResourceId r = kMemory + 1; r < c.resource_count(); ++r) {
        columns[("free_" + c.resources().name(r)).c_str()] = view(c.free_extended_column(r));
        columns[("capacity_" + c.resources().name(r)).c_str()] = view(c.capacity_column(r));
    }
    columns["gpu_free"] = view(c.gpu_free_rows());
    columns["gpu_begin"] =
        view_field<std::int64_t>(c, [](const NodeState& n) -> auto& { return n.gpu_begin; });
    columns["gpu_count"] = integers(&NodeState::gpu_count);
    columns["gpu_total_free"] = integers(&NodeState::gpu_total);
    columns["gpu_idle"] = integers(&NodeState::gpu_idle);
    columns["gpu_max_free"] = integers(&NodeState::gpu_max);
    columns["tasks"] = view_field<std::uint32_t>(c, [](const NodeState& n) -> auto& { return n.tasks; });
    columns["present"] = view_field<std::uint8_t>(c, [](const NodeState& n) -> auto& { return n.present; });
    return columns;
}

}  // namespace hal::bindings
