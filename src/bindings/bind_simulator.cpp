#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <cmath>
#include <memory>

#include "arrays.h"
#include "bind_policies.h"
#include "bind_signals.h"
#include "bindings.h"
#include "cluster_handle.h"
#include "halcore/replay/look_ahead.h"
#include "halcore/replay/simulator.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace hal::bindings {
namespace {

using replay::TraceRow;

/// A simulator with the cluster whose lock it takes.
class SimulatorHandle {
  public:
    SimulatorHandle(ClusterHandle& cluster, const Column<double>& time, const Column<double>& duration,
                    const Column<std::int32_t>& shape, const std::vector<const ShapeHandle*>& shapes,
                    const std::optional<Column<std::int32_t>>& tasks,
                    const std::vector<const PolicyHandle*>& policies,
                    const replay::SimulationOptions& options)
        : cluster_(cluster) {
        if (policies.size() != 1 && policies.size() != replay::Simulator::kLevels)
            throw InvalidModel("policies: give 1 or " + std::to_string(replay::Simulator::kLevels));
        std::vector<std::shared_ptr<const Policy>> by_level;
        for (const PolicyHandle* policy : policies) by_level.push_back(policy->policy);
        cluster.run([&](Cluster&, Engine& engine) {
            std::vector<ShapeId> ids;
            for (const ShapeHandle* s : shapes) ids.push_back(cluster.intern(*s));
            simulator_ = std::make_unique<replay::Simulator>(
                engine, options,
                arrivals(as_span(time), as_span(duration), as_span(shape), ids,
                         tasks ? as_span(*tasks) : std::span<const std::int32_t>{}),
                std::move(by_level));
        });
    }

    bool advance(double until, double p) {
        check(until, p);
        return cluster_.run([&](Cluster&, Engine&) { return simulator_->advance(until, p); });
    }
    /// Makes the steps first + 1, first + 2, … of one length, `count` of them or until nothing is left to
    /// happen. How many were made.
    std::int64_t run(double step, std::int64_t first, std::int64_t count, double p) {
        check(static_cast<double>(first + 1) * step, p);
        return cluster_.run([&](Cluster&, Engine&) {
            for (std::int64_t i = 1; i <= count; ++i)
                if (!simulator_->advance(static_cast<double>(first + i) * step, p)) return i;
            return count;
        });
    }
    double now() const { return simulator_->now(); }
    bool finished() const { return simulator_->finished(); }
    double joules() const { return simulator_->joules(); }
    std::int64_t events() const { return simulator_->events(); }
    std::int64_t running() const { return simulator_->running(); }
    SignalTuple read() {
        return signal_tuple(cluster_.run([&](Cluster&, Engine&) { return simulator_->read(); }));
    }
    NewColumn<std::uint32_t> waiting() {
        return to_numpy(cluster_.run([&](Cluster&, Engine&) { return simulator_->waiting().jobs(); }));
    }

    nb::typed<nb::dict, nb::str, NewColumn<double>> trace() const {
        nb::dict out;
        const auto column = [&](const char* name, auto&& value) {
            std::vector<double> values;
            for (const TraceRow& row : simulator_->trace()) values.push_back(static_cast<double>(value(row)));
            out[name] = to_numpy(std::move(values));
        };
        column("time", [](const TraceRow& r) { return r.signals.time; });
        column("queue", [](const TraceRow& r) { return r.signals.pending; });
        column("queue_peak", [](const TraceRow& r) { return r.queue_peak; });
        column("pending_work", [](const TraceRow& r) { return r.signals.pending_work; });
        column("pending_peak", [](const TraceRow& r) { return r.pending_peak; });
        column("sigma", [](const TraceRow& r) { return r.signals.sigma; });
        column("entropy", [](const TraceRow& r) { return r.signals.entropy; });
        column("drift", [](const TraceRow& r) { return r.signals.drift; });
        column("potential", [](const TraceRow& r) { return r.signals.potential; });
        column("fragmentation", [](const TraceRow& r) { return r.signals.fragmentation; });
        column("stranded", [](const TraceRow& r) { return r.signals.stranded; });
        column("blocking", [](const TraceRow& r) { return r.signals.blocking; });
        column("oldest_gang", [](const TraceRow& r) { return r.signals.oldest_gang; });
        column("utilisation", [](const TraceRow& r) { return r.signals.utilisation; });
        column("p", [](const TraceRow& r) { return r.p; });
        column("power_w", [](const TraceRow& r) { return r.power; });
        column("running", [](const TraceRow& r) { return r.running; });
        column("asleep", [](const TraceRow& r) { return r.asleep; });
        column("down", [](const TraceRow& r) { return r.down; });
        return out;
    }
    nb::typed<nb::dict, nb::str, nb::any> jobs() const {
        replay::JobColumns columns = simulator_->jobs();
        nb::dict out;
        out["start"] = to_numpy(std::move(columns.start));
        out["end"] = to_numpy(std::move(columns.end));
        out["node"] = to_numpy(std::move(columns.node));
        out["restarts"] = to_numpy(std::move(columns.restarts));
        out["infeasible"] = to_numpy(std::move(columns.infeasible));
        return out;
    }

  private:
    void check(double until, double p) const {
        if (!(until >= now() && std::isfinite(until)))
            throw InvalidModel("until: " + std::to_string(until) + " s lies before " + std::to_string(now()) +
                               " s; time never goes back");
        if (!(p >= 0 && p <= 1)) throw InvalidModel("p: " + std::to_string(p) + " is not from 0 to 1");
    }
    static replay::Arrivals arrivals(std::span<const double> time, std::span<const double> duration,
                                     std::span<const std::int32_t> shape, const std::vector<ShapeId>& ids,
                                     std::span<const std::int32_t> tasks) {
        const std::size_t count = time.size();
        if (duration.size() != count || shape.size() != count || (!tasks.empty() && tasks.size() != count))
            throw InvalidModel("arrivals: its columns are not of one length");
        replay::Arrivals out{{time.begin(), time.end()}, {duration.begin(), duration.end()}, {}, {}};
        for (std::size_t j = 0; j < count; ++j) {
            const auto row = "[" + std::to_string(j) + "]: ";
            if (!(time[j] >= (j ? time[j - 1] : 0.0) && std::isfinite(time[j])))
                throw InvalidModel("time" + row + "must be finite, 0 or more, and never fall");
            if (!(duration[j] >= 0 && std::isfinite(duration[j])))
                throw InvalidModel("duration" + row + "must be finite and 0 or more");
            if (shape[j] < 0 || static_cast<std::size_t>(shape[j]) >= ids.size())
                throw InvalidModel("shape" + row + std::to_string(shape[j]) + " is no index into the shapes");
            if (!tasks.empty() && tasks[j] < 1) throw InvalidModel("tasks" + row + "must be 1 or more");
            out.shape.push_back(ids[shape[j]]);
            out.tasks.push_back(tasks.empty() ? 1 : tasks[j]);
        }
        return out;
    }

    ClusterHandle& cluster_;
    std::unique_ptr<replay::Simulator> simulator_;
};

using Contention = std::tuple<double, double, double>;
using Sleep = std::tuple<double, double, std::int64_t>;
using Failures = std::tuple<double, double, std::uint64_t>;
using AheadTuple = std::tuple<std::int64_t, double, double, double>;

std::vector<AheadTuple> look_ahead(ClusterHandle& cluster, const std::vector<const PolicyHandle*>& policies,
                                   const ShapeHandle& shape, std::int64_t tasks,
                                   const std::tuple<double, double, double, double>& model) {
    if (tasks < 0 || tasks > 10'000) throw InvalidModel("tasks: must be from 0 to 10000");
    const auto& [idle, asleep, strength, exponent] = model;
    return cluster.run([&](Cluster&, Engine& engine) {
        const replay::LookAhead ahead(engine, {idle, asleep, strength, exponent});
        const ShapeId id = cluster.intern(shape);
        std::vector<AheadTuple> out;
        for (const PolicyHandle* policy : policies) {
            const auto [placed, sums] = ahead.after(policy->policy, id, tasks);
            out.emplace_back(placed, sums.used, sums.work, sums.watts);
        }
        return out;
    });
}

}  // namespace

void bind_simulator(nb::module_& m) {
    m.def(
        "typical_node",
        [](ClusterHandle& cluster) {
            const auto t = cluster.run([](Cluster& c, Engine&) { return replay::typical_node(c); });
            return std::tuple(t.cpu, t.memory, t.devices, t.nodes);
        },
        "cluster"_a, "Medians of milli-CPU, MiB and devices of the present nodes, and how many there are.");
    m.def("look_ahead", &look_ahead, "cluster"_a, "policies"_a, "shape"_a, "tasks"_a, "model"_a,
          "By policy: how many of the tasks it places on a fork, and load, work and watts of the nodes then. "
          "`model`: idle, asleep, strength, exponent.");
    nb::class_<SimulatorHandle>(m, "Simulator", "A cluster in simulated time.")
        .def(
            "__init__",
            [](SimulatorHandle* self, ClusterHandle& cluster, const Column<double>& time,
               const Column<double>& duration, const Column<std::int32_t>& shape,
               const std::vector<const ShapeHandle*>& shapes,
               const std::optional<Column<std::int32_t>>& tasks,
               const std::vector<const PolicyHandle*>& policies, const PowerModel& power,
               const Contention& contention, const Sleep& sleep, const Failures& failures, bool first_come,
               double half_life, const WeightTuple& weights) {
                const auto& [strength, from, exponent] = contention;
                const auto& [after, wake, milliwatts] = sleep;
                const auto& [mean, repair, seed] = failures;
                new (self) SimulatorHandle(cluster, time, duration, shape, shapes, tasks, policies,
                                           {{strength, from, exponent},
                                            {after, wake, milliwatts},
                                            {mean, repair, seed},
                                            power,
                                            first_come,
                                            half_life,
                                            weights_of(weights)});
            },
            nb::keep_alive<1, 2>(), "cluster"_a, "time"_a.noconvert(), "duration"_a.noconvert(),
            "shape"_a.noconvert(), "shapes"_a, "tasks"_a.noconvert().none(), "policies"_a, "power"_a,
            "contention"_a, "sleep"_a, "failures"_a, "first_come"_a, "half_life"_a, "weights"_a)
        .def("advance", &SimulatorHandle::advance, "until"_a, "p"_a)
        .def("run", &SimulatorHandle::run, "step"_a, "first"_a, "count"_a, "p"_a)
        .def("read", &SimulatorHandle::read)
        .def("waiting", &SimulatorHandle::waiting, "Rows of the jobs that wait, in order of arrival.")
        .def("trace", &SimulatorHandle::trace)
        .def("jobs", &SimulatorHandle::jobs)
        .def_prop_ro("now", &SimulatorHandle::now)
        .def_prop_ro("finished", &SimulatorHandle::finished)
        .def_prop_ro("joules", &SimulatorHandle::joules)
        .def_prop_ro("running", &SimulatorHandle::running)
        .def_prop_ro("events", &SimulatorHandle::events);
}

}  // namespace hal::bindings
