// Scorers and filters that are C functions. They are called without the GIL; only letting go of their owner
// takes it.
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>

#include "bind_policies.h"
#include "bindings.h"
#include "halcore/c_api/native_units.h"
#include "halcore/model/error.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace hal::bindings {
namespace {

// The address, and with it whatever Python object must live as long as it.
NativeData keep(std::uintptr_t address, nb::object owner) {
    auto* const kept = new nb::object(std::move(owner));
    return {reinterpret_cast<void*>(address), [kept](void*) {
                nb::gil_scoped_acquire gil;
                delete kept;
            }};
}

template <class Function>
Function function_at(std::uintptr_t address) {
    if (address == 0) throw PolicyError("function: its address is 0");
    return reinterpret_cast<Function>(address);
}

ScorerHandle scorer(std::string name, std::uintptr_t function, std::uintptr_t data, std::uint32_t scope,
                    nb::object owner) {
    check_scope("scorer '" + name + "'", scope);
    return {native_scorer(std::move(name), function_at<hal_score_fn>(function), keep(data, std::move(owner)),
                          scope)};
}

FilterHandle filter(std::string name, std::uintptr_t function, std::uintptr_t data, nb::object owner) {
    return {native_filter(std::move(name), function_at<hal_keep_fn>(function), keep(data, std::move(owner)))};
}

std::tuple<std::string, std::uintptr_t> open_capsule(nb::object capsule) {
    if (!PyCapsule_CheckExact(capsule.ptr())) throw PolicyError("capsule: is none");
    const char* const name = PyCapsule_GetName(capsule.ptr());
    return {name ? name : "", reinterpret_cast<std::uintptr_t>(PyCapsule_GetPointer(capsule.ptr(), name))};
}

std::tuple<std::string, std::uintptr_t, std::uintptr_t, std::uint32_t> read_scorer(std::uintptr_t address) {
    const auto& unit = *function_at<const hal_scorer*>(address);
    check(unit);
    return {unit.name, reinterpret_cast<std::uintptr_t>(unit.score),
            reinterpret_cast<std::uintptr_t>(unit.data), unit.scope};
}

std::tuple<std::string, std::uintptr_t, std::uintptr_t> read_filter(std::uintptr_t address) {
    const auto& unit = *function_at<const hal_filter*>(address);
    check(unit);
    return {unit.name, reinterpret_cast<std::uintptr_t>(unit.keep),
            reinterpret_cast<std::uintptr_t>(unit.data)};
}

}  // namespace

void bind_native(nb::module_& m) {
    m.attr("ABI_VERSION") = HAL_ABI_VERSION;
    m.attr("ABI_VERSION_MIN") = HAL_ABI_VERSION_MIN;
    m.attr("SCOPE_CONTEXT") = int{HAL_SCOPE_CONTEXT};
    m.attr("SCOPE_NODE") = int{HAL_SCOPE_NODE};
    m.attr("SCOPE_ORDER") = int{HAL_SCOPE_ORDER};
    m.attr("SCORE_SIGNATURE") = HAL_SCORE_SIGNATURE;
    m.attr("KEEP_SIGNATURE") = HAL_KEEP_SIGNATURE;
    m.def("native_scorer", &scorer, "name"_a, "function"_a, "data"_a, "scope"_a, "owner"_a.none(),
          "A scorer from the address of a hal_score_fn. owner lives as long as anyone may call it.");
    m.def("native_filter", &filter, "name"_a, "function"_a, "data"_a, "owner"_a.none(),
          "A filter from the address of a hal_keep_fn, likewise.");
    m.def("open_capsule", &open_capsule, "capsule"_a, "Name and address.");
    m.def("read_scorer", &read_scorer, "address"_a, "(name, function, data, scope) of a hal_scorer.");
    m.def("read_filter", &read_filter, "address"_a, "(name, function, data) of a hal_filter.");
    m.def("check_abi", &check_abi, "what"_a, "version"_a);
}

}  // namespace hal::bindings
