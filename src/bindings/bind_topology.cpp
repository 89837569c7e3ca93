#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <memory>
#include <tuple>

#include "bindings.h"
#include "halcore/model/error.h"
#include "halcore/model/links.h"
#include "halcore/model/topology.h"

namespace nb = nanobind;

namespace hal::bindings {
namespace {

template <class T>
using Column = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using View = nb::ndarray<nb::numpy, const std::int32_t, nb::ndim<1>>;
using Matrix = nb::ndarray<nb::numpy, std::int64_t, nb::ndim<2>>;
using LevelTuple = std::tuple<std::string, std::int64_t, std::int64_t, std::int64_t>;

template <class T>
std::span<const T> span(const Column<T>& column) {
    return {column.data(), column.shape(0)};
}

template <class T>
std::vector<T> copied(const Column<T>& column) {
    return {column.data(), column.data() + column.shape(0)};
}

View view(nb::handle owner, std::span<const std::int32_t> values) {
    return View(values.data(), {values.size()}, owner);
}

void check_node(const Topology& topology, std::int64_t node) {
    if (node < 0 || node >= topology.n_nodes())
        throw InvalidModel("topology: node " + std::to_string(node) + " of " +
                           std::to_string(topology.n_nodes()));
}

Matrix matrix(const Topology& topology, Topology::Figure figure, const Column<std::int32_t>& nodes) {
    const std::size_t n = nodes.shape(0);
    for (const auto node : span(nodes)) check_node(topology, node);
    std::unique_ptr<std::int64_t[]> values(new std::int64_t[n * n]);
    {
        nb::gil_scoped_release release;
        topology.matrix(figure, span(nodes), values.get());
    }
    std::int64_t* data = values.get();
    nb::capsule owner(data, [](void* p) noexcept { delete[] static_cast<std::int64_t*>(p); });
    (void)values.release();
    return Matrix(data, {n, n}, owner);
}

}  // namespace

void bind_topology(nb::module_& m) {
    nb::enum_<Topology::Figure>(m, "TopologyFigure")
        .value("distance", Topology::Figure::distance)
        .value("latency_ns", Topology::Figure::latency_ns)
        .value("bandwidth_mib", Topology::Figure::bandwidth_mib);

    nb::class_<Topology>(m, "Topology")
        .def(
            "__init__",
            [](Topology* self, const std::vector<LevelTuple>& levels, std::vector<std::string> domains,
               const Column<std::int32_t>& level, const Column<std::int32_t>& parent,
               const Column<std::int32_t>& node_domain) {
                TopologySpec spec{{}, std::move(domains), copied(level), copied(parent), copied(node_domain)};
                for (const auto& [name, distance, latency, bandwidth] : levels)
                    spec.levels.push_back({name, distance, latency, bandwidth});
                nb::gil_scoped_release release;
                new (self) Topology(std::move(spec));
            },
            nb::arg("levels"), nb::arg("domains"), nb::arg("level"), nb::arg("parent"),
            nb::arg("node_domain"))
        .def_prop_ro("n_levels", &Topology::n_levels)
        .def_prop_ro("n_domains", &Topology::n_domains)
        .def_prop_ro("n_nodes", &Topology::n_nodes)
        .def_prop_ro("levels",
                     [](const Topology& self) {
                         std::vector<LevelTuple> levels;
                         for (const auto& l : self.levels())
                             levels.emplace_back(l.name, l.distance, l.latency_ns, l.bandwidth_mib);
                         return levels;
                     })
        .def_prop_ro("domains", [](const Topology& self) { return self.domains(); })
        .def_prop_ro("parent",
                     [](nb::handle self) { return view(self, nb::cast<Topology&>(self).parents()); })
        .def_prop_ro("level",
                     [](nb::handle self) { return view(self, nb::cast<Topology&>(self).domain_levels()); })
        .def_prop_ro("subtree_end",
                     [](nb::handle self) { return view(self, nb::cast<Topology&>(self).subtree_ends()); })
        .def_prop_ro("node_begin",
                     [](nb::handle self) { return view(self, nb::cast<Topology&>(self).node_begins()); })
        .def_prop_ro("node_domain",
                     [](nb::handle self) { return view(self, nb::cast<Topology&>(self).node_domains()); })
        .def_prop_ro("node_order",
                     [](nb::handle self) { return view(self, nb::cast<Topology&>(self).node_order()); })
        .def(
            "common_level",
            [](const Topology& self, std::int64_t node, std::int64_t other) {
                check_node(self, node);
                check_node(self, other);
                return self.common_level(static_cast<std::int32_t>(node), static_cast<std::int32_t>(other));
            },
            nb::arg("node"), nb::arg("other"))
        .def("matrix", &matrix, nb::arg("figure"), nb::arg("nodes"));

    m.def(
        "choose_devices",
        [](std::uint64_t free, const Column<std::int32_t>& domain, int count) {
            return choose_devices(free, span(domain), count);
        },
        nb::arg("free"), nb::arg("domain"), nb::arg("count"));
}

}  // namespace hal::bindings
