#include <nanobind/stl/map.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <tuple>

#include "arrays.h"
#include "bind_policies.h"
#include "bindings.h"
#include "cluster_handle.h"
#include "halcore/model/power.h"
#include "halcore/policies/scorers/energy.h"
#include "halcore/policies/scorers/price.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace hal::bindings {
namespace {

using Points = std::vector<std::pair<std::int32_t, std::int64_t>>;
using CpuTuple = std::tuple<Points, std::int32_t, std::int32_t>;
using SleepTuple = std::tuple<std::int64_t, std::int64_t, std::int64_t>;

PowerModel power_model(const CpuTuple& cpu, const std::map<std::string, Points>& gpus,
                       const std::vector<SleepTuple>& sleep, std::int64_t most_wake) {
    const auto& [socket, cores, milli] = cpu;
    PowerModel model{CpuPower{PowerCurve(socket), cores, milli}, {}, {}, most_wake};
    for (const auto& [name, points] : gpus) model.gpus.emplace(name, PowerCurve(points));
    for (const auto& [milliwatts, wake, waking] : sleep) model.sleep.push_back({milliwatts, wake, waking});
    model.check();
    return model;
}

NewColumn<std::int64_t> node_power(ClusterHandle& handle, const PowerModel& model) {
    auto watts = handle.run([&](Cluster& cluster, Engine&) {
        const NodePower power(model, cluster);
        std::vector<std::int64_t> out(cluster.node_slots(), 0);
        for (NodeId n = 0; n < cluster.node_slots(); ++n)
            if (cluster.present(n)) out[n] = power.of(n);
        return out;
    });
    return to_numpy(std::move(watts));
}

ScorerHandle price(const std::vector<std::string>& names, const Column<std::int64_t>& prices) {
    const auto given = as_span(prices);
    PriceConfig config;
    for (const std::int64_t p : given)
        if (p < -1) throw InvalidModel("prices: " + std::to_string(p) + " is below 0");
    if (!names.empty() && names.size() != given.size())
        throw InvalidModel("prices: must be as many as the nodes' names, or one a node of the cluster");
    if (names.empty()) config.by_index.assign(given.begin(), given.end());
    for (std::size_t i = 0; i < names.size(); ++i) config.by_name[names[i]] = given[i];
    return {make_price(std::move(config))};
}

}  // namespace

void bind_energy(nb::module_& m) {
    nb::class_<PowerModel>(m, "PowerModel", "What nodes draw: milliwatts by load in thousandths.")
        .def(nb::new_([](const CpuTuple& cpu, const std::map<std::string, Points>& gpus,
                         const std::vector<SleepTuple>& sleep, std::int64_t most_wake) {
                 return new PowerModel(power_model(cpu, gpus, sleep, most_wake));
             }),
             "cpu"_a, "gpus"_a, "sleep"_a, "most_wake"_a)
        .def_static("published", &published_power)
        .def("nodes",
             [](const PowerModel& self, ClusterHandle& cluster) { return node_power(cluster, self); })
        .def("cpu", [](const PowerModel& self, std::int64_t capacity,
                       std::int64_t free) { return self.cpu.watts(capacity, free); })
        .def("gpu_points", [](const PowerModel& self) {
            std::map<std::string, std::pair<std::int64_t, std::int64_t>> out;
            for (const auto& [name, curve] : self.gpus) out[name] = {curve.idle(), curve.full()};
            return out;
        });
    m.def(
        "energy_scorer",
        [](const PowerModel& model, bool relative, std::int64_t run_micros, std::int64_t delay_milli) {
            return ScorerHandle{make_energy_of(model, {relative, run_micros, delay_milli})};
        },
        "model"_a, "relative"_a, "run_micros"_a, "delay_milli"_a);
    m.def("price_scorer", &price, "names"_a, "prices"_a);
}

}  // namespace hal::bindings
