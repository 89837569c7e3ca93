#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include "bind_plans.h"
#include "bind_policies.h"
#include "cluster_handle.h"
#include "halcore/engine/rebalance.h"
#include "job_key.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace hal::bindings {
namespace {

using AnyTuple = nb::typed<nb::tuple, nb::any, nb::ellipsis>;

using Wants = std::vector<std::tuple<const ShapeHandle*, std::int64_t, const TraitsHandle*>>;

RebalancePlan plan(ClusterHandle& h, const PolicyHandle& policy, std::int64_t max_moves, const Wants& want,
                   const std::vector<JobKey>& pinned, int moves_a_step,
                   const std::shared_ptr<const QueueTree>& queues) {
    return h.run([&](Cluster& c, Engine& engine) {
        engine.use_queues(queues);
        RebalanceOptions options;
        if (max_moves < 0) throw InvalidModel("max_moves: " + std::to_string(max_moves) + " is negative");
        if (moves_a_step < 1 || moves_a_step > 64) {
            throw InvalidModel("moves_a_step: " + std::to_string(moves_a_step) + " is not between 1 and 64");
        }
        options.max_moves = max_moves;
        options.moves_a_step = moves_a_step;
        for (const auto& [shape, tasks, traits] : want) {
            if (tasks < 1) throw InvalidModel("want: " + std::to_string(tasks) + " tasks; give 1 or more");
            options.want.push_back({h.intern(*shape), tasks, traits ? h.intern(*traits) : 0});
        }
        for (const JobKey& key : pinned) options.pinned.insert(running(c, "pinned", key));
        return rebalance(engine, policy.policy, options);
    });
}

nb::typed<nb::list, AnyTuple> moves(const RebalancePlan& plan) {
    nb::typed<nb::list, AnyTuple> rows;
    for (const Move& m : plan.moves) {
        rows.append(nb::make_tuple(m.job, m.name, m.task, m.from.node, m.from.devices, m.to.node,
                                   m.to.devices, m.step));
    }
    return rows;
}

}  // namespace

void bind_rebalance(nb::module_& m) {
    nb::class_<RebalancePlan>(m, "RebalancePlan", "Moves that can be made step after step.")
        .def_prop_ro("moves", &moves, "(id, name, task, from node, from devices, to node, to devices, step)")
        .def_ro("before", &RebalancePlan::before)
        .def_ro("after", &RebalancePlan::after)
        .def_ro("gain", &RebalancePlan::gain)
        .def_ro("wanted", &RebalancePlan::wanted);
    m.def("rebalance", &plan, "cluster"_a, "policy"_a, "max_moves"_a, "want"_a = Wants{},
          "pinned"_a = std::vector<JobKey>{}, "moves_a_step"_a = RebalanceOptions{}.moves_a_step,
          "queues"_a.none() = nb::none());
    m.def("apply_rebalance", [](ClusterHandle& h, const RebalancePlan& plan) {
        h.run([&](Cluster&, Engine& engine) { apply_rebalance(engine, plan); });
    });
}

}  // namespace hal::bindings
