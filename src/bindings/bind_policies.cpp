#include "bind_policies.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/variant.h>
#include <nanobind/stl/vector.h>

#include "arrays.h"
#include "bindings.h"
#include "cluster_handle.h"
#include "halcore/model/error.h"
#include "halcore/model/partition.h"
#include "halcore/policies/profile_room.h"
#include "halcore/policies/registry.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace hal::bindings {
namespace {

using CountTuple =
    std::tuple<std::int64_t, std::int32_t, std::int32_t, std::vector<std::string>, std::int64_t>;
using GivenValue = std::variant<std::int64_t, double, std::string, std::vector<CountTuple>>;

ParamValue param(const GivenValue& value) {
    if (const auto* i = std::get_if<std::int64_t>(&value)) return *i;
    if (const auto* d = std::get_if<double>(&value)) return *d;
    if (const auto* text = std::get_if<std::string>(&value)) return *text;
    TaskCounts counts;
    for (const auto& [cpu, milli, gpus, models, count] : std::get<std::vector<CountTuple>>(value))
        counts.push_back({cpu, milli, gpus, models, count});
    return counts;
}

ScorerPtr scorer(const std::string& name, const std::map<std::string, GivenValue>& given) {
    std::map<std::string, ParamValue> params;
    for (const auto& [key, value] : given) params.emplace(key, param(value));
    return make_scorer(name, std::move(params));
}

NewColumn<double> fragmentation_over_profiles(ClusterHandle& handle, const GivenValue& typical) {
    Params params("fragmentation", {{"typical", param(typical)}});
    const ProfileSource source(params);
    return to_numpy(handle.run([&](Cluster& cluster, Engine&) {
        return profile_fragmentation(cluster, ProfileRoom(source.on(cluster)));
    }));
}

}  // namespace

void bind_policies(nb::module_& m) {
    nb::class_<ScorerHandle>(m, "Scorer", "A scorer of the registry, configured.")
        .def(nb::new_([](const std::string& name, const std::map<std::string, GivenValue>& params) {
                 return new ScorerHandle{scorer(name, params)};
             }),
             "name"_a, "params"_a = std::map<std::string, GivenValue>{})
        .def_prop_ro("name", [](const ScorerHandle& s) { return s.scorer->name(); });
    nb::class_<FilterHandle>(m, "Filter", "A filter that a caller wrote.")
        .def_prop_ro("name", [](const FilterHandle& f) { return f.filter->name(); });

    nb::class_<PolicyHandle>(m, "Policy", "Weighted scorers and extra filters: immutable, of no cluster.")
        .def(nb::new_([](std::string name, const std::vector<std::pair<ScorerHandle, double>>& scorers,
                         const std::vector<FilterHandle>& filters, std::uint64_t seed,
                         std::uint64_t tie_seed) {
                 std::vector<Policy::Part> parts;
                 for (const auto& [s, weight] : scorers) parts.push_back({s.scorer, weight});
                 std::vector<FilterPtr> chosen;
                 for (const auto& f : filters) chosen.push_back(f.filter);
                 return new PolicyHandle{std::make_shared<const Policy>(std::move(name), std::move(parts),
                                                                        std::move(chosen), seed, tie_seed)};
             }),
             "name"_a, "scorers"_a, "filters"_a = std::vector<FilterHandle>{}, "seed"_a = 0, "tie_seed"_a = 0)
        .def_prop_ro("name", [](const PolicyHandle& p) { return p.policy->name(); })
        .def_prop_ro(
            "indexed", [](const PolicyHandle& p) { return p.policy->scope() != Scope::Context; },
            "Whether decisions come from an index rather than a scan.")
        .def_prop_ro("scorer_names", [](const PolicyHandle& p) {
            std::vector<std::string> names;
            for (const auto& part : p.policy->scorers()) names.push_back(part.scorer->name());
            return names;
        });

    m.def(
        "partition_tables",
        [] {
            std::vector<std::pair<std::string, std::vector<std::tuple<std::string, int, std::vector<int>>>>>
                tables;
            for (const PartitionTable& table : partition_tables()) {
                auto& rows = tables.emplace_back(table.name(), 0).second;
                for (const ProfileId p : table.profiles()) {
                    const ProfileLayout& layout = table.layout(p);
                    std::vector<int> starts;
                    for (int s = 0; s < kSlices; ++s) {
                        if (layout.may_start(s)) starts.push_back(s);
                    }
                    rows.emplace_back(profile_name(p), layout.slices, starts);
                }
            }
            return tables;
        },
        "(table, (profile, memory slices, allowed starts)) of every kind of device that may be partitioned.");
    m.def("profile_fragmentation", &fragmentation_over_profiles, "cluster"_a, "typical"_a,
          "Milli-GPU of each node that the profiles that come cannot use.");
    m.def("scorer_names", &scorer_names);
    m.def("python_scorer", &python_scorer, "name"_a, "score"_a, "own_state"_a = false,
          "A scorer from score(shape, cluster_columns, nodes) -> float64[k] in [0, 1].");
    m.def("python_filter", &python_filter, "name"_a, "keep"_a,
          "A filter from keep(shape, cluster_columns, nodes) -> bool[k].");
}

}  // namespace hal::bindings
