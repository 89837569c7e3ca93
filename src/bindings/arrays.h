#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <span>
#include <utility>
#include <vector>

namespace hal::bindings {

template <class T>
using Column = nanobind::ndarray<const T, nanobind::ndim<1>, nanobind::c_contig, nanobind::device::cpu>;
template <class T>
using NewColumn = nanobind::ndarray<nanobind::numpy, T, nanobind::ndim<1>>;

template <class T>
std::span<const T> as_span(const Column<T>& column) {
    return {column.data(), column.shape(0)};
}

/// Hands a vector to numpy without a copy: the array owns it.
template <class T>
NewColumn<T> to_numpy(std::vector<T>&& values) {
    auto* const kept = new std::vector<T>(std::move(values));
    nanobind::capsule owner(kept, [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
    return NewColumn<T>(kept->data(), {kept->size()}, owner);
}

}  // namespace hal::bindings
