#include "bind_signals.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include "arrays.h"
#include "bindings.h"
#include "cluster_handle.h"
#include "halcore/signals/monitor.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace hal::bindings {
namespace {

/// A monitor with the cluster whose lock it takes.
class MonitorHandle {
  public:
    MonitorHandle(ClusterHandle& cluster, const WeightTuple& weights, double half_life)
        : cluster_(cluster), monitor_(cluster.run([&](Cluster& c, Engine&) {
              return signals::Monitor(c, weights_of(weights), half_life);
          })) {}

    void submitted(const std::vector<const JobHandle*>& jobs, double now) {
        cluster_.run([&](Cluster& c, Engine&) {
            for (const JobHandle* job : jobs) {
                const JobRequest request = cluster_.request(*job);
                signals::Amount all = signals::request_of(c.shape(request.shape), request.tasks);
                std::int32_t tasks = request.tasks;
                if (request.gang) {
                    all = {};
                    tasks = 0;
                    for (const Gang::Role& role : request.gang->roles) {
                        const auto part = signals::request_of(c.shape(role.shape), role.tasks);
                        for (int r = 0; r < signals::kResources; ++r) all[r] += part[r];
                        tasks += role.tasks;
                    }
                }
                monitor_.submitted(request.name, all, tasks, now);
            }
        });
    }
    void left(const std::vector<std::string>& jobs, double now) {
        cluster_.run([&](Cluster&, Engine&) {
            for (const std::string& job : jobs) monitor_.left(job, now);
        });
    }
    SignalTuple read(double now) {
        return signal_tuple(cluster_.run([&](Cluster&, Engine&) { return monitor_.read(now); }));
    }

  private:
    ClusterHandle& cluster_;
    signals::Monitor monitor_;
};

NewColumn<std::int64_t> class_counts(ClusterHandle& handle) {
    auto counts = handle.run([](Cluster& c, Engine&) {
        std::vector<std::int64_t> out;
        for (NodeId n = 0; n < c.node_slots(); ++n)
            for (const std::uint16_t count : c.class_counts(n)) out.push_back(count);
        return out;
    });
    return to_numpy(std::move(counts));
}

}  // namespace

void bind_signals(nb::module_& m) {
    nb::class_<MonitorHandle>(m, "SignalMonitor", "Reads the signals of a live cluster.")
        .def(nb::init<ClusterHandle&, const WeightTuple&, double>(), nb::keep_alive<1, 2>(), "cluster"_a,
             "weights"_a, "half_life"_a)
        .def("submitted", &MonitorHandle::submitted, "jobs"_a, "now"_a)
        .def("left", &MonitorHandle::left, "jobs"_a, "now"_a)
        .def("read", &MonitorHandle::read, "now"_a);
    m.def("class_counts", &class_counts, "cluster"_a,
          "Tasks of each class on each node slot, one row of 16 after another.");
}

}  // namespace hal::bindings
